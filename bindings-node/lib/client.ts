import { Authorizer, authorization, authorizationConfig, type Authorization } from './authorization.js'
import { END, sharedCore, type Core, type Pending } from './core.js'
import { ClosedError, MisuseError, errorFromNative } from './errors.js'
import {
  abortSignal,
  callable,
  checkOptions,
  count,
  isRecord,
  milliseconds,
  oneOf,
  secret,
  shown,
  string,
  stringMap,
  strings,
  type Checks,
} from './options.js'
import { ToolResult } from './result.js'
import { Server, handleOf } from './server.js'
import { follow, unfollow, type Follower } from './signal.js'
import type { Implementation, Progress, Tool } from './types.js'

/** A server to start as a child process and to talk to over its stdin and stdout. */
export interface CommandTarget {
  /** The program; looked for on the PATH when it is a bare name. */
  command: string
  /** Its arguments, as they are: no shell reads them. */
  args?: readonly string[] | undefined
  /** Added to this process's environment. */
  env?: { readonly [name: string]: string } | undefined
  /** The directory it runs in. Default: this process's. */
  cwd?: string | undefined
  /** Where the child's stderr goes. Default `inherit`. */
  stderr?: 'inherit' | 'null' | undefined
}

/** A server to talk to over Streamable HTTP. */
export interface UrlTarget {
  /** The server's endpoint, http or https. */
  url: string | URL
  /** Sent with every request. */
  headers?: { readonly [name: string]: string } | undefined
}

/** What `connect` takes. */
export type Target = string | URL | CommandTarget | UrlTarget | Server

/** How to connect, and what holds for every request of the client. */
export interface ConnectOptions {
  /** Abandons connecting. Once connected it has no effect. */
  signal?: AbortSignal | undefined
  /** This client's name, told to the server. */
  name?: string | undefined
  /** This client's version, told to the server beside its name. Default `0.0.0`. */
  version?: string | undefined
  /** One protocol revision, for example `2025-11-25`, instead of negotiating. */
  protocolVersion?: string | undefined
  /** The longest silence of a call, in milliseconds. Default 60,000. */
  timeout?: number | undefined
  /** The longest a call may take in all, in milliseconds. Default 3,600,000. */
  maxTimeout?: number | undefined
  /** The longest connecting may take, in milliseconds. Default 30,000. */
  connectTimeout?: number | undefined
  /** The largest message taken, in bytes. Default 16 MiB. */
  maxMessageBytes?: number | undefined
  /** For a URL: a token that was given for this server. */
  bearerToken?: string | undefined
  /** For a URL: how to get tokens when the server wants them. */
  authorization?: Authorization | undefined
}

/** How long a request may take, and what ends it early. */
export interface RequestOptions {
  /** Cancels the call: it rejects with the signal's reason, and the server is told. */
  signal?: AbortSignal | undefined
  /** The longest silence, in milliseconds: progress starts it anew. Default: the client's. */
  timeout?: number | undefined
  /** The longest it may take in all, in milliseconds, progress or not. Default: the client's. */
  maxTimeout?: number | undefined
}

/** How to call a tool. */
export interface CallToolOptions extends RequestOptions {
  /** Told how far the call has come. What it throws cancels the call, which then rejects with it. */
  onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Connects to an MCP server: a URL, a command, or a `Server` of this process. Which protocol revision the two speak
 * is negotiated.
 *
 * ```ts
 * const agent = await connect(server, { name: 'my-agent', version: '1.0.0', timeout: 10_000 })
 * console.log(agent.serverInfo.name, agent.protocolVersion)
 * await agent.close()
 * ```
 *
 * @throws ConnectError, TimeoutError, UnsupportedVersionError, UnauthorizedError or ProtocolError when no connection
 * comes to be; the signal's reason when it is aborted.
 */
export async function connect(target: Target, options: ConnectOptions = {}): Promise<Client> {
  checkOptions('connect', options, connectChecks)
  const { signal } = options
  signal?.throwIfAborted()
  const core = sharedCore()
  const config = JSON.stringify({ ...targetConfig(target), ...optionsConfig(options) })
  const answerer = options.authorization && new Authorizer(options.authorization)
  const { answerers } = core.questions
  let operation = 0
  const forget = () => answerers.delete(operation)
  let handle: number | undefined
  let abandon = () => {}
  try {
    const opened = core.run<Opened>((id) => {
      operation = id
      if (answerer) answerers.set(id, answerer)
      handle =
        target instanceof Server
          ? core.native.openClientInMemory(handleOf(target), config, id)
          : core.native.openClient(config, id)
      abandon = () => core.send(`x ${handle} ${id}${END}`)
    })
    signal?.addEventListener('abort', abandon, { once: true })
    return new Client(core, handle!, await opened, forget)
  } catch (error) {
    if (handle === undefined) forget()
    else if (answerer) release(core, handle, forget).catch(() => {})
    else core.native.dropClient(handle)
    signal?.throwIfAborted()
    throw errorFromNative(error)
  } finally {
    signal?.removeEventListener('abort', abandon)
  }
}

/**
 * Closes a client, and forgets it when everything of it is released: until then, tokens that it has refreshed may have
 * to be kept.
 */
async function release(core: Core, handle: number, forget: () => void): Promise<void> {
  try {
    await core.run((id) => core.native.closeClient(handle, id))
  } finally {
    core.native.dropClient(handle)
    forget()
  }
}

/** What opening a client completes with. */
interface Opened {
  protocolVersion: string
  serverInfo: Implementation
  capabilities: { [name: string]: unknown }
  instructions?: string
}

/**
 * A connection to an MCP server. Made by {@link connect}; it keeps the process alive until it is over.
 *
 * Its methods reject with an `McpError`, or with the reason of the signal that was given.
 */
export class Client {
  /** Who the server is. */
  readonly serverInfo: Implementation
  /** The protocol revision the two sides speak. */
  readonly protocolVersion: string
  /** What the server can do. */
  readonly capabilities: { readonly [name: string]: unknown }
  /** The server's words on how to use it. */
  readonly instructions: string | undefined
  /** Resolves when the connection is over, whichever side ended it. */
  readonly closed: Promise<void>

  readonly #core: Core
  readonly #handle: number
  readonly #forget: () => void
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(core: Core, handle: number, opened: Opened, forget: () => void) {
    this.#core = core
    this.#handle = handle
    this.#forget = forget
    this.serverInfo = opened.serverInfo
    this.protocolVersion = opened.protocolVersion
    this.capabilities = opened.capabilities
    this.instructions = opened.instructions
    const over = () => {}
    this.closed = core.run<void>((id) => core.native.clientClosed(handle, id)).then(over, over)
  }

  /** All tools of the server, in its order. */
  async listTools(options?: RequestOptions): Promise<Tool[]> {
    const { tools } = await this.#request<{ tools: Tool[] }>('list', '{}', options)
    return tools
  }

  /** The tools one after another; a page is fetched when it is needed. */
  async *tools(options?: RequestOptions): AsyncGenerator<Tool, void, undefined> {
    let cursor: string | undefined
    do {
      const page: { tools: Tool[]; nextCursor?: string } = await this.#request(
        'page',
        JSON.stringify({ cursor }),
        options,
      )
      yield* page.tools
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }

  /**
   * Calls a tool. A tool that fails gives a result with `isError`; the promise rejects when there is no result.
   *
   * ```ts
   * const result = await client.callTool('slow', { steps: 3 }, {
   *   timeout: 5_000,
   *   onProgress: ({ progress, total }) => console.log(`${progress} of ${total}`),
   * })
   * console.assert(result.text === 'done')
   * ```
   *
   * @throws RpcError when the server knows no such tool; TimeoutError, ClosedError, ProtocolError; the reason of the
   * signal.
   */
  callTool<Structured = any>(
    name: string,
    args?: object,
    options?: CallToolOptions,
  ): Promise<ToolResult<Structured>> {
    return new Promise((resolve, reject) => {
      if (typeof name !== 'string') string('callTool: the name of the tool', name)
      if (args !== undefined && !isRecord(args)) {
        throw new MisuseError(
          `callTool: the arguments of ${shown(name)} are ${shown(args)}; they are an object, as {name: value}`,
        )
      }
      const call = new Call((result) => resolve(new ToolResult(result)), reject)
      const params =
        args === undefined
          ? `{"name":${JSON.stringify(name)}}`
          : `{"name":${JSON.stringify(name)},"arguments":${JSON.stringify(args)}}`
      this.#submit('call', params, call, options)
    })
  }

  /** Resolves when the server answers. */
  async ping(options?: RequestOptions): Promise<void> {
    await this.#request('ping', '{}', options)
  }

  /**
   * Ends the connection: calls in flight reject with `ClosedError`, a child process is made to exit. Resolves when
   * everything is released. Closing again gives the same promise.
   */
  close(): Promise<void> {
    return (this.#closing ??= release(this.#core, this.#handle, this.#forget))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #request<Result>(operation: string, params: string, options?: RequestOptions): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#submit(operation, params, new Call(resolve, reject), options)
    })
  }

  /** Starts an operation. Throws, inside the promise's executor, what keeps it from starting. */
  #submit(operation: string, params: string, call: Call, options: CallToolOptions | undefined): void {
    if (this.#closing) throw new ClosedError('the client was closed by this side; connect again')
    const core = this.#core
    const id = core.nextId()
    let times = '- - 0'
    if (options !== undefined) {
      if (!isRecord(options as unknown)) {
        throw new MisuseError(
          `the options of a call are an object (${callOptionNames}); they were given as ${shown(options)}`,
        )
      }
      const { signal, timeout, maxTimeout, onProgress } = options
      if (signal !== undefined) abortSignal('signal', signal)
      if (onProgress !== undefined) callable('onProgress', onProgress)
      signal?.throwIfAborted()
      times = `${wholeMilliseconds('timeout', timeout)} ${wholeMilliseconds('maxTimeout', maxTimeout)} ${onProgress ? 1 : 0}`
      if (onProgress) call.onProgress = onProgress
      call.abandon = (reason) => {
        if (!core.take(id)) return
        core.send(`x ${this.#handle} ${id}${END}`)
        call.fail(reason)
      }
      if (signal) call.follow(signal)
    }
    core.await(id, call)
    core.send(`c ${this.#handle} ${id} ${operation} ${times} ${params}${END}`)
  }
}

/** One operation of a client in flight. */
class Call implements Pending, Follower {
  onProgress: ((progress: Progress) => unknown) | undefined
  /** Stops waiting: tells the server, and rejects with a reason. */
  abandon: (reason: any) => void = () => {}

  readonly #resolve: (result: any) => void
  readonly #reject: (reason: any) => void
  #signal: AbortSignal | undefined

  constructor(resolve: (result: any) => void, reject: (reason: any) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  follow(signal: AbortSignal): void {
    this.#signal = signal
    follow(signal, this)
  }

  complete(result: any): void {
    this.#unfollow()
    this.#resolve(result)
  }

  fail(reason: any): void {
    this.#unfollow()
    this.#reject(reason)
  }

  progress(progress: Progress): void {
    try {
      const returned = this.onProgress?.(progress)
      if (returned instanceof Promise) returned.catch(this.abandon)
    } catch (error) {
      this.abandon(error)
    }
  }

  #unfollow(): void {
    if (this.#signal) unfollow(this.#signal, this)
  }
}

const connectChecks: Checks = {
  signal: abortSignal,
  name: string,
  version: string,
  protocolVersion: string,
  timeout: milliseconds,
  maxTimeout: milliseconds,
  connectTimeout: milliseconds,
  maxMessageBytes: count,
  bearerToken: secret,
  authorization,
}

const commandChecks: Checks = {
  command: string,
  args: strings,
  env: stringMap,
  cwd: string,
  stderr: oneOf('inherit', 'null'),
}

const urlChecks: Checks = { url: () => {}, headers: stringMap }

const callOptionNames = 'signal, timeout, maxTimeout, onProgress'

function targetConfig(target: Target): object {
  if (target instanceof Server) return {}
  if (typeof target === 'string' || target instanceof URL) return { url: httpUrl(target) }
  if (isRecord(target) && target.url !== undefined) {
    checkOptions('connect({url})', target, urlChecks)
    return { ...target, url: httpUrl(target.url as string | URL) }
  }
  if (isRecord(target) && target.command !== undefined) {
    checkOptions('connect({command})', target, commandChecks)
    return { ...target }
  }
  throw new MisuseError(
    `connect takes a URL, {url, headers}, {command, args, env, cwd, stderr} or a Server; it was given ${shown(target)}`,
  )
}

function httpUrl(url: string | URL): string {
  const text = String(url)
  if (/^https?:\/\//i.test(text)) return text
  throw new MisuseError(
    `connect was given ${JSON.stringify(text)}, which is no http or https URL; a command is given as {command, args}`,
  )
}

function optionsConfig(options: ConnectOptions): object {
  const { name, version, protocolVersion, maxMessageBytes } = options
  return {
    clientInfo: name === undefined ? undefined : { name, version: version ?? '0.0.0' },
    protocolVersion,
    timeoutMs: optionalMilliseconds('timeout', options.timeout),
    maxTimeoutMs: optionalMilliseconds('maxTimeout', options.maxTimeout),
    connectTimeoutMs: optionalMilliseconds('connectTimeout', options.connectTimeout),
    maxMessageBytes,
    bearerToken: options.bearerToken,
    authorization: options.authorization && authorizationConfig(options.authorization),
  }
}

function optionalMilliseconds(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(wholeMilliseconds(name, value))
}

/** A time as the core takes it: whole milliseconds, or `-` for none given. */
function wholeMilliseconds(name: string, value: number | undefined): number | '-' {
  if (value === undefined) return '-'
  milliseconds(name, value)
  return Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER)
}
