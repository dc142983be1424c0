import { credentialChecks, credentials, type Credentials } from './credentials.js'
import { MisuseError } from './errors.js'
import {
  array,
  boolean,
  callable,
  checkOptions,
  isRecord,
  milliseconds,
  oneOf,
  port,
  string,
  strings,
  type Check,
  type Checks,
} from './options.js'
import type { Answerer, Question } from './questions.js'
import { lock, read, type TokenStore } from './tokens.js'

/** What the ways to be authorized have in common. */
export interface AuthorizationOptions {
  /** What to ask for, beside what the server says it needs. */
  scopes?: readonly string[] | undefined
  /**
   * Where tokens are kept: in a file for all processes of its user, or in a store of your own. Default: in memory, for
   * this client.
   */
  store?: { file: string } | TokenStore | undefined
  /**
   * For whom the client is authorized, where clients of several users share a store: any name that the program has for
   * them. The grant `enterprise` needs one with a store.
   */
  account?: string | undefined
  /** Whether tokens are bound to a key of the client (RFC 9449). Default: if the server asks for it. */
  dpop?: boolean | undefined
  /** How long the user has, in milliseconds, beyond the limits of connecting and of calls. Default 300,000. */
  patience?: number | undefined
  /** URLs of servers that may be asked although they are in a private network. */
  trust?: readonly string[] | undefined
}

/** The user authorizes the client, in the browser of this machine unless `onAuthorize` is given. */
export interface CodeAuthorization extends AuthorizationOptions {
  grant: 'code'
  /** What servers call the client before their users. */
  name: string
  /** The one port of this machine that the browser comes back to, at `/callback`. Default: any free one. */
  callbackPort?: number | undefined
  /** Shows the user a URL in another way than the system does. */
  openBrowser?: ((url: string) => void | Promise<void>) | undefined
  /** Where users come back to, with `onAuthorize`. */
  redirectUri?: string | undefined
  /**
   * For programs with windows or pages of their own, in place of the browser: takes the user to a URL, and gives the
   * one to which they were redirected, which is `redirectUri` and a query. It throws `Refused` when the user declines.
   * The signal is aborted when nobody waits for the user any more.
   */
  onAuthorize?: ((url: string, signal: AbortSignal) => string | URL | Promise<string | URL>) | undefined
  /** The client as authorization servers know it already. */
  registered?: readonly Credentials[] | undefined
  /** The `https` URL of a document about the client, for servers that take such documents. */
  metadataUrl?: string | undefined
}

/** The client speaks for itself, without a user. */
export interface ClientCredentialsAuthorization extends AuthorizationOptions, Credentials {
  grant: 'clientCredentials'
}

/** An organisation's identity provider vouches for its user, who is signed in there already. */
export interface EnterpriseAuthorization extends AuthorizationOptions {
  grant: 'enterprise'
  /** The client, as the MCP server's authorization server knows it. */
  client: Credentials
  /** The identity provider's. */
  tokenEndpoint: string
  /** The ID token of the user, or a SAML assertion with `saml`. It is called whenever tokens are needed. */
  idToken: () => string | Promise<string>
  /** The client as the identity provider knows it, if it has to show who it is. */
  identityProviderClient?: Credentials | undefined
  saml?: boolean | undefined
}

/** The platform that a program runs on vouches for it. */
export interface WorkloadAuthorization extends AuthorizationOptions {
  grant: 'workload'
  client: Credentials
  /** The platform's JWT. It is called whenever tokens are needed. */
  assertion: () => string | Promise<string>
}

/** How a client is authorized by servers that want it. Nothing happens until the server asks. */
export type Authorization =
  | CodeAuthorization
  | ClientCredentialsAuthorization
  | EnterpriseAuthorization
  | WorkloadAuthorization

/** Checks what `connect` was given. What is wrong may be a token, and is not shown. */
export const authorization: Check = (name, value) => {
  if (!isRecord(value)) {
    throw new MisuseError(
      `${name} is a ${typeof value}; it takes an object with a grant, as { grant: 'code', name: 'my-agent' }`,
    )
  }
  grantOf(`${name}: grant`, value.grant)
  checkOptions(name, value, { ...commonChecks, ...ownChecks[value.grant as Authorization['grant']] })
}

/** The plan as the core takes it. */
export function authorizationConfig(plan: Authorization): object {
  const { scopes, store, account, dpop, trust } = plan
  return {
    ...grantConfig(plan),
    scopes,
    account,
    dpop,
    trust,
    patienceMs: plan.patience === undefined ? undefined : Math.ceil(plan.patience),
    store: store && (isFile(store) ? { file: store.file } : { ask: true }),
  }
}

/** What answers for a client what its plan leaves to functions of the user's. */
export class Authorizer implements Answerer {
  readonly #plan: Authorization

  constructor(plan: Authorization) {
    this.#plan = plan
  }

  async answer(question: Question, signal: AbortSignal): Promise<object> {
    const plan = this.#plan
    switch (question.ask) {
      case 'authorize':
        if (plan.grant === 'code') return { url: String(await plan.onAuthorize!(question.url!, signal)) }
        break
      case 'openBrowser':
        if (plan.grant === 'code') await plan.openBrowser!(question.url!)
        return {}
      case 'idToken':
        if (plan.grant === 'enterprise') return { token: await plan.idToken() }
        break
      case 'assertion':
        if (plan.grant === 'workload') return { token: await plan.assertion() }
        break
      case 'readTokens':
        return read(this.#store, question.key!)
      case 'writeTokens':
        await this.#store.write(question.key!, question.value ?? null)
        return {}
    }
    throw new Error(`nobody answers ${question.ask}`)
  }

  lock(key: string): Promise<() => void> {
    return lock(this.#store, key)
  }

  get #store(): TokenStore {
    return this.#plan.store as TokenStore
  }
}

function grantConfig(plan: Authorization): object {
  switch (plan.grant) {
    case 'code': {
      const { name, callbackPort, openBrowser, redirectUri, registered, metadataUrl } = plan
      if ((redirectUri === undefined) !== (plan.onAuthorize === undefined)) {
        throw new MisuseError(
          'connect: redirectUri and onAuthorize go together: where users come back to, and what takes them there',
        )
      }
      const ask = openBrowser !== undefined
      const browser = ask || callbackPort !== undefined ? { port: callbackPort ?? 0, ask } : undefined
      return { code: { name, registered, metadataUrl, redirectUri, browser } }
    }
    case 'clientCredentials': {
      const { clientId, clientSecret, tokenEndpointAuthMethod, privateKey, issuer } = plan
      return { clientCredentials: { clientId, clientSecret, tokenEndpointAuthMethod, privateKey, issuer } }
    }
    case 'enterprise': {
      const { client, tokenEndpoint, identityProviderClient, saml } = plan
      return { enterprise: { client, tokenEndpoint, identityProviderClient, saml } }
    }
    case 'workload':
      return { workload: { client: plan.client } }
  }
}

function isFile(store: { file: string } | TokenStore): store is { file: string } {
  // A store of one's own may have a member of that name too.
  return !('read' in store)
}

const grantOf = oneOf('code', 'clientCredentials', 'enterprise', 'workload')

const store: Check = (name, value) => {
  if (isRecord(value) && typeof value.read === 'function' && typeof value.write === 'function') return
  if (isRecord(value) && value.file !== undefined) return checkOptions(name, value, { file: string })
  throw new MisuseError(`${name} is a ${typeof value}; it takes { file } or a TokenStore, with read and write`)
}

const registered: Check = (name, value) => {
  array(name, value)
  for (const [index, client] of (value as unknown[]).entries()) credentials(`${name}[${index}]`, client)
}

const commonChecks: Checks = {
  grant: string,
  scopes: strings,
  store,
  account: string,
  dpop: boolean,
  patience: milliseconds,
  trust: strings,
}

const ownChecks: { readonly [grant in Authorization['grant']]: Checks } = {
  code: {
    name: string,
    callbackPort: port,
    openBrowser: callable,
    redirectUri: string,
    onAuthorize: callable,
    registered,
    metadataUrl: string,
  },
  clientCredentials: credentialChecks,
  enterprise: {
    client: credentials,
    tokenEndpoint: string,
    idToken: callable,
    identityProviderClient: credentials,
    saml: boolean,
  },
  workload: { client: credentials, assertion: callable },
}
