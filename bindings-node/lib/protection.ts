import { credentials, type Credentials } from './credentials.js'
import { MisuseError } from './errors.js'
import {
  boolean,
  callable,
  checkOptions,
  count,
  object,
  secret,
  shown,
  string,
  strings,
  type Check,
  type Checks,
} from './options.js'
import type { Answerer, Question } from './questions.js'
import { Refused } from './refused.js'

/** Who makes a request, as its access token says. */
export interface AuthInfo {
  /** The user, or the client if it speaks for itself; unique at its issuer alone. */
  subject?: string
  /** The client that the token was issued to. */
  clientId?: string
  issuer?: string
  /** What the token is good for. */
  scopes: string[]
  /** When it expires, in seconds since 1970. */
  expiresAt?: number
  /** Everything that is said with the token. */
  claims: { [name: string]: unknown }
}

/** The claims of a token (RFC 7662, section 2.2). */
export interface Claims {
  sub?: string
  client_id?: string
  iss?: string
  /** What the token is good for, separated by spaces or as an array. */
  scope?: string | readonly string[]
  /** When it expires, in seconds since 1970. */
  exp?: number
  [name: string]: unknown
}

/**
 * Whose tokens a server takes, and what it tells everybody else. Who is meant is said by one of `jwt`, `introspection`
 * and `verify`.
 */
export interface Protection {
  /** The URL by which clients know the server. */
  resource: string | URL
  /** Who issues tokens for it. */
  authorizationServers: string | readonly string[]
  /** Takes JWTs that are signed with the issuer's keys, for this server, and good now. `{}` has what is usual. */
  jwt?: JwtOptions | undefined
  /** Asks the issuer each time what a token is (RFC 7662). */
  introspection?: IntrospectionOptions | undefined
  /**
   * Tells whose a token is: gives its claims, and undefined or null, or throws `Refused`, when it is no good. It has to
   * refuse tokens that were issued for another resource or have expired. Anything else that it throws means that nobody
   * can say now: the client is told to try again later. It has 15 seconds.
   */
  verify?:
    | ((
        token: string,
        resource: string,
        signal: AbortSignal,
      ) => Claims | null | undefined | Promise<Claims | null | undefined>)
    | undefined
  /** What every request needs; tools may need more (`scopes` of `server.tool`). */
  scopes?: readonly string[] | undefined
  /** What clients may ask for. Default: `scopes`. */
  scopesSupported?: readonly string[] | undefined
  /** What the server is called before users. */
  name?: string | undefined
  /** The URL of a page for developers of clients. */
  documentation?: string | undefined
  /** Whether only tokens that are bound to a key are taken (RFC 9449). */
  requireDpop?: boolean | undefined
  /** Whether proofs of that key have to hold a nonce of this server. */
  requireDpopNonce?: boolean | undefined
  /** The same for several servers that take each other's: a secret of at least 32 characters. */
  dpopNonceKey?: string | undefined
  /** Scopes that open what others do: `{ files: ['files:read', 'files:write'] }`. */
  implies?: { readonly [scope: string]: readonly string[] } | undefined
  /** Told what `verify` threw, but for `Refused`. For logs. */
  onError?: ((error: unknown) => void) | undefined
}

/** How JWTs are checked. */
export interface JwtOptions {
  /** Default: the first authorization server. */
  issuer?: string | undefined
  /** Where the issuer's keys are. Default: where its metadata says. */
  jwksUrl?: string | undefined
  /** What tokens may be signed with. Default: RS256, PS256, ES256 and EdDSA. */
  algorithms?: readonly string[] | undefined
  /** Names of this server in tokens, beside its resource. */
  audiences?: readonly string[] | undefined
}

/** How the issuer is asked what a token is. */
export interface IntrospectionOptions {
  /** This server, as the issuer knows it. */
  client: Credentials
  /** Where to ask. Default: where the issuer's metadata says. */
  url?: string | undefined
  /** Default: the first authorization server. */
  issuer?: string | undefined
  /** Names of this server in tokens, beside its resource. */
  audiences?: readonly string[] | undefined
  /** How many tokens are asked about at once. Default 64. */
  atOnce?: number | undefined
}

/** Checks what `server.listen` was given. */
export const protection: Check = (name, value) => checkOptions(name, value, protectionChecks, 'concealed')

/** The protection as the core takes it. */
export function protectionConfig(given: Protection): object {
  const { verify, onError, resource, authorizationServers, ...rest } = given
  return {
    ...rest,
    resource: String(resource),
    authorizationServers: typeof authorizationServers === 'string' ? [authorizationServers] : authorizationServers,
    verify: verify && true,
  }
}

/** What tells the core whose tokens are. */
export class Verifier implements Answerer {
  readonly #protection: Protection

  constructor(protection: Protection) {
    this.#protection = protection
  }

  async answer({ token, resource }: Question, signal: AbortSignal): Promise<object> {
    const claims = await this.#protection.verify!(token!, resource!, signal)
    if (claims === undefined || claims === null) throw new Refused('it is not known here')
    if (typeof claims === 'object') return claims
    throw new MisuseError(`verify gave ${shown(claims)}; it gives claims, or nothing when the token is no good`)
  }

  onError(error: unknown): void {
    this.#protection.onError?.(error)
  }
}

const url: Check = (name, value) => {
  if (!(value instanceof URL)) string(name, value)
}

const oneOrMore: Check = (name, value) => {
  if (typeof value !== 'string') strings(name, value)
}

const scopeLists: Check = (name, value) => {
  object(name, value)
  for (const [scope, implied] of Object.entries(value as object)) strings(`${name}.${scope}`, implied)
}

const jwtChecks: Checks = { issuer: string, jwksUrl: string, algorithms: strings, audiences: strings }

const introspectionChecks: Checks = { client: credentials, url: string, issuer: string, audiences: strings, atOnce: count }

const protectionChecks: Checks = {
  resource: url,
  authorizationServers: oneOrMore,
  jwt: (name, value) => checkOptions(name, value, jwtChecks),
  introspection: (name, value) => checkOptions(name, value, introspectionChecks, 'concealed'),
  verify: callable,
  scopes: strings,
  scopesSupported: strings,
  name: string,
  documentation: string,
  requireDpop: boolean,
  requireDpopNonce: boolean,
  dpopNonceKey: secret,
  implies: scopeLists,
  onError: callable,
}
