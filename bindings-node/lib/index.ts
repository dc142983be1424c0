/// <reference lib="esnext.disposable" preserve="true" />

/**
 * The Model Context Protocol for Node.js: servers and clients on one Rust core.
 *
 * @packageDocumentation
 */
export type {
  Authorization,
  AuthorizationOptions,
  ClientCredentialsAuthorization,
  CodeAuthorization,
  EnterpriseAuthorization,
  WorkloadAuthorization,
} from './authorization.js'
export { Client, connect } from './client.js'
export type { CallToolOptions, CommandTarget, ConnectOptions, RequestOptions, Target, UrlTarget } from './client.js'
export { audio, image, resource, resourceLink, text } from './content.js'
export type { Binary } from './content.js'
export type { ToolContext } from './context.js'
export type { Credentials, PrivateKey } from './credentials.js'
export {
  CancelledError,
  ClosedError,
  ConnectError,
  InternalError,
  McpError,
  MisuseError,
  OverloadedError,
  ProtocolError,
  RpcError,
  TimeoutError,
  TooLargeError,
  UnauthorizedError,
  UnsupportedError,
  UnsupportedVersionError,
} from './errors.js'
export type { ErrorKind } from './errors.js'
export type { AuthInfo, Claims, IntrospectionOptions, JwtOptions, Protection } from './protection.js'
export { Refused } from './refused.js'
export { ToolResult } from './result.js'
export { ValidationError } from './schema.js'
export type { InferInput, InferOutput, Schema, StandardIssue, StandardResult, StandardSchema } from './schema.js'
export { Server } from './server.js'
export type { HttpAddress, ListenOptions, ServerOptions } from './server.js'
export { ToolError } from './tool.js'
export type { HandlerResult, ToolHandler, ToolOptions } from './tool.js'
export type { TokenStore } from './tokens.js'
export type * from './types.js'
