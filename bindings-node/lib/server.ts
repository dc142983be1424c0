import { sharedCore, type Core } from './core.js'
import { MisuseError, errorFromNative } from './errors.js'
import {
  array,
  callable,
  checkOptions,
  count,
  isRecord,
  port,
  shown,
  string,
  strings,
  type Checks,
} from './options.js'
import { Verifier, protection, protectionConfig, type Protection } from './protection.js'
import type { Schema } from './schema.js'
import { ToolRunner, checkTool, definition, type ToolHandler, type ToolOptions } from './tool.js'
import type { Implementation, JsonSchema } from './types.js'

/** Who a server is, and how it serves. */
export interface ServerOptions extends Implementation {
  /** How to use the server, for the model. */
  instructions?: string | undefined
  /** Tools per page of a listing. Default 100. */
  pageSize?: number | undefined
  /** The largest message taken, in bytes. Default 16 MiB. */
  maxMessageBytes?: number | undefined
  /** Told what a tool's handler threw, beside the client. For logs. */
  onError?: ((error: unknown, tool: string) => void) | undefined
}

/** Where to listen, and for whom. */
export interface ListenOptions {
  /** Default 0: any free port. */
  port?: number | undefined
  /** Default `127.0.0.1`. An address that others can reach needs `allowedHosts`. */
  host?: string | undefined
  /** Default `/mcp`. */
  path?: string | undefined
  /** What a request's `Host` may be, beside the names of this machine. */
  allowedHosts?: readonly string[] | undefined
  /** What a request's `Origin` may be, beside the names of this machine. */
  allowedOrigins?: readonly string[] | undefined
  /** Whose access tokens are taken. Default: everybody who gets here may use the server. */
  protection?: Protection | undefined
}

/** Where a server listens. */
export interface HttpAddress {
  /** The address for clients, path included. */
  url: string
  /** The IP address that it is bound to. */
  host: string
  /** The port, the one that was chosen when none was asked for. */
  port: number
}

/** The number of a server in the native core. */
export let handleOf: (server: Server) => number

/**
 * An MCP server. It speaks every protocol revision, on as many transports at once as you like.
 *
 * ```ts
 * const server = new Server({ name: 'demo', version: '1.0.0' })
 * server.tool('greet', { description: 'Says hello.' }, async ({ name }) => `Hello, ${name}!`)
 * await server.stdio()
 * ```
 */
export class Server {
  readonly #core: Core
  readonly #handle: number
  readonly #onError: ServerOptions['onError']
  /** The number each tool was added under, by name. */
  readonly #tools = new Map<string, number>()
  /** The operations whose questions this server answers. */
  readonly #verifiers: number[] = []
  #listeners = 0
  #closed: Promise<void> | undefined

  /** @throws MisuseError when an option is wrong. */
  constructor(options: ServerOptions) {
    if (!isRecord(options) || options.name === undefined || options.version === undefined) {
      throw new MisuseError(
        `new Server was given ${shown(options)}; it takes at least a name and a version, ` +
          "as new Server({ name: 'demo', version: '1.0.0' })",
      )
    }
    checkOptions('new Server', options, serverChecks)
    const { onError, ...config } = options
    this.#core = sharedCore()
    this.#onError = onError
    this.#handle = native(() => this.#core.native.newServer(JSON.stringify(config)))
  }

  /**
   * Adds a tool, or replaces the one of that name.
   *
   * ```ts
   * const inputSchema = z.object({ a: z.number(), b: z.number() })
   * server.tool('add', { description: 'Adds.', inputSchema }, ({ a, b }) => `${a + b}`)
   * console.assert((await client.callTool('add', { a: 1, b: 2 })).text === '3')
   * ```
   *
   * @throws MisuseError when the definition is wrong, or a schema cannot be converted to JSON Schema.
   */
  tool<Input extends Schema = JsonSchema, Output extends Schema = JsonSchema>(
    name: string,
    options: ToolOptions<Input, Output>,
    handler: ToolHandler<Input, Output>,
  ): this {
    checkTool(name, options, handler)
    const json = definition(name, options)
    const onError = this.#onError && ((error: unknown) => this.#onError!(error, name))
    const runner = new ToolRunner(this.#core, this.#handle, options, handler, onError)
    const target = this.#core.addTarget(this.#handle, runner)
    try {
      native(() => this.#core.native.addTool(this.#handle, json, target, [...(options.scopes ?? [])]))
    } catch (error) {
      this.#core.targets.delete(target)
      throw error
    }
    this.#core.targets.delete(this.#tools.get(name)!)
    this.#tools.set(name, target)
    return this
  }

  /** Removes a tool; false when there is none of that name. */
  removeTool(name: string): boolean {
    string('server.removeTool: the name of the tool', name)
    const removed = native(() => this.#core.native.removeTool(this.#handle, name))
    this.#core.targets.delete(this.#tools.get(name)!)
    this.#tools.delete(name)
    return removed
  }

  /**
   * Serves this process's stdin and stdout. Resolves when the peer has closed them or the server was closed. What the
   * process itself writes to stdout meanwhile goes to stderr.
   */
  async stdio(): Promise<void> {
    await this.#run((id) => this.#core.native.serveStdio(this.#handle, id))
  }

  /**
   * Serves Streamable HTTP until the server is closed. Resolves when it listens.
   *
   * ```ts
   * const { url } = await server.listen({ port: 0, path: '/tools' })
   * console.assert(url.endsWith('/tools'))
   * ```
   *
   * @throws ConnectError when the address cannot be had; MisuseError when an option is wrong.
   */
  async listen(options: ListenOptions = {}): Promise<HttpAddress> {
    checkOptions('server.listen', options, listenChecks)
    const core = this.#core
    const guard = options.protection
    const config = JSON.stringify({ ...options, protection: guard && protectionConfig(guard) })
    const address = await this.#run<HttpAddress>((id) => {
      if (guard?.verify) {
        core.questions.answerers.set(id, new Verifier(guard))
        this.#verifiers.push(id)
      }
      core.native.listenHttp(this.#handle, config, id)
    })
    if (!this.#closed) {
      core.hold()
      this.#listeners += 1
    }
    return address
  }

  /**
   * Stops serving and cancels the calls in flight. Resolves when everything is released. Closing again gives the same
   * promise.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const core = this.#core
    try {
      await this.#run((id) => core.native.closeServer(this.#handle, id))
    } finally {
      core.native.dropServer(this.#handle)
      for (const target of this.#tools.values()) core.targets.delete(target)
      for (const operation of this.#verifiers) core.questions.answerers.delete(operation)
      for (; this.#listeners > 0; this.#listeners -= 1) core.release()
    }
  }

  async #run<Result>(start: (id: number) => void): Promise<Result> {
    try {
      return await this.#core.run<Result>(start)
    } catch (error) {
      throw errorFromNative(error)
    }
  }

  static {
    handleOf = (server) => server.#handle
  }
}

const serverChecks: Checks = {
  name: string,
  version: string,
  title: string,
  description: string,
  websiteUrl: string,
  icons: array,
  instructions: string,
  pageSize: count,
  maxMessageBytes: count,
  onError: callable,
}

const listenChecks: Checks = {
  port,
  host: string,
  path: string,
  allowedHosts: strings,
  allowedOrigins: strings,
  protection,
}

function native<Result>(call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    throw errorFromNative(error)
  }
}
