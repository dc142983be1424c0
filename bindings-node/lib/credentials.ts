import { checkOptions, oneOf, secret, string, type Check, type Checks } from './options.js'

/**
 * A client as an authorization server knows it: public, with a secret, or with a private key.
 */
export interface Credentials {
  clientId: string
  clientSecret?: string | undefined
  /** How the secret is used. Default: as the server says to take it. */
  tokenEndpointAuthMethod?: 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt' | undefined
  /** A key that signs what the client says of itself (`private_key_jwt`). */
  privateKey?: PrivateKey | undefined
  /**
   * The authorization server that knows the client; the credentials are never shown to another one. Without it, they
   * belong to the first one that they were shown to.
   */
  issuer?: string | undefined
}

/** A private key in PEM, PKCS #8 for elliptic curves. */
export interface PrivateKey {
  pem: string
  /** `ES256`, `EdDSA`, `RS256` and the like. */
  algorithm: string
  /** The name by which the server knows the key. */
  keyId?: string | undefined
}

const keyChecks: Checks = { pem: secret, algorithm: string, keyId: string }

const privateKey: Check = (name, value) => checkOptions(name, value, keyChecks, 'concealed')

export const credentialChecks: Checks = {
  clientId: string,
  clientSecret: secret,
  tokenEndpointAuthMethod: oneOf('client_secret_basic', 'client_secret_post', 'client_secret_jwt'),
  privateKey,
  issuer: string,
}

export const credentials: Check = (name, value) => checkOptions(name, value, credentialChecks, 'concealed')
