/** What went wrong; one class of errors each. */
export type ErrorKind =
  | 'Misuse'
  | 'Connect'
  | 'Closed'
  | 'Timeout'
  | 'Cancelled'
  | 'Rpc'
  | 'Protocol'
  | 'TooLarge'
  | 'UnsupportedVersion'
  | 'Unsupported'
  | 'Unauthorized'
  | 'Overloaded'
  | 'Internal'

/** The root of all errors of this package. */
export class McpError extends Error {
  /** What went wrong. */
  readonly kind: ErrorKind
  /** The peer's JSON-RPC error code; for an `RpcError`. */
  declare readonly code?: number
  /** The peer's error data; for an `RpcError`, where the peer gave any. */
  declare readonly data?: unknown

  constructor(kind: ErrorKind, message: string, code?: number, data?: unknown) {
    super(message)
    this.kind = kind
    if (code !== undefined) this.code = code
    if (data !== undefined) this.data = data
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** The caller erred: a wrong argument or configuration, or a server that was closed. */
export class MisuseError extends McpError {
  constructor(message: string) {
    super('Misuse', message)
  }
}

/** No connection came to be: the command could not be started, the address could not be reached. */
export class ConnectError extends McpError {
  constructor(message: string) {
    super('Connect', message)
  }
}

/** The connection ended before the answer, or before the request. */
export class ClosedError extends McpError {
  constructor(message: string) {
    super('Closed', message)
  }
}

/** No answer within the time allowed. */
export class TimeoutError extends McpError {
  constructor(message: string) {
    super('Timeout', message)
  }
}

/** This side cancelled the operation. */
export class CancelledError extends McpError {
  constructor(message: string) {
    super('Cancelled', message)
  }
}

/** The peer answered with a JSON-RPC error; `code`, `message` and `data` are the peer's. */
export class RpcError extends McpError {
  constructor(message: string, code?: number, data?: unknown) {
    super('Rpc', message, code, data)
  }
}

/** The peer broke MCP, JSON-RPC or HTTP. */
export class ProtocolError extends McpError {
  constructor(message: string) {
    super('Protocol', message)
  }
}

/** A message is larger than the limit. */
export class TooLargeError extends McpError {
  constructor(message: string) {
    super('TooLarge', message)
  }
}

/** The two sides have no protocol revision in common. */
export class UnsupportedVersionError extends McpError {
  constructor(message: string) {
    super('UnsupportedVersion', message)
  }
}

/** The peer did not declare the capability that the operation needs. */
export class UnsupportedError extends McpError {
  constructor(message: string) {
    super('Unsupported', message)
  }
}

/** The server wants authorization that was not given. */
export class UnauthorizedError extends McpError {
  constructor(message: string) {
    super('Unauthorized', message)
  }
}

/** A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later. */
export class OverloadedError extends McpError {
  constructor(message: string) {
    super('Overloaded', message)
  }
}

/** A fault of this library or of a handler. */
export class InternalError extends McpError {
  constructor(message: string) {
    super('Internal', message)
  }
}

/** An error as the core tells it. */
export interface CoreError {
  kind: string
  message: string
  code?: number
  data?: unknown
}

const classes: { [kind: string]: new (message: string) => McpError } = {
  Misuse: MisuseError,
  Connect: ConnectError,
  Closed: ClosedError,
  Timeout: TimeoutError,
  Cancelled: CancelledError,
  Protocol: ProtocolError,
  TooLarge: TooLargeError,
  UnsupportedVersion: UnsupportedVersionError,
  Unsupported: UnsupportedError,
  Unauthorized: UnauthorizedError,
  Overloaded: OverloadedError,
  Internal: InternalError,
}

/** The error object for what the core told. */
export function errorFrom({ kind, message, code, data }: CoreError): McpError {
  if (kind === 'Rpc') return new RpcError(message, code, data)
  if (kind === 'Misuse') return new MisuseError(inTheseWords(message))
  const known = classes[kind]
  return known ? new known(message) : new McpError(kind as ErrorKind, message, code, data)
}

/** Options of this package that the core names in its own way. */
const optionNames: { [name: string]: string } = {
  allowed_hosts: 'allowedHosts',
  allowed_origins: 'allowedOrigins',
}

/** A message of the core that names options as they are named here. */
function inTheseWords(message: string): string {
  return message.replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (name) =>
    Object.hasOwn(optionNames, name) ? optionNames[name]! : name,
  )
}

/** The error object for an exception of the native layer, whose `code` is the kind. */
export function errorFromNative(thrown: unknown): Error {
  const { code, message } = thrown as { code?: unknown; message: string }
  return typeof code === 'string' && code in classes ? errorFrom({ kind: code, message }) : (thrown as Error)
}
