import type { Core } from './core.js'
import { CancelledError } from './errors.js'
import { number, string } from './options.js'
import type { AuthInfo } from './protection.js'
import type { Implementation } from './types.js'

/** What the core knows of a call in flight. */
interface Known {
  requestId: string | number
  protocolVersion: string
  clientInfo?: Implementation
  progress: boolean
  _meta?: { [key: string]: unknown }
  auth?: AuthInfo
}

/**
 * A tool call as its handler sees it.
 *
 * ```ts
 * server.tool('copy', {}, async ({ files }, context) => {
 *   for (const [index, file] of files.entries()) {
 *     context.signal.throwIfAborted()
 *     context.progress(index + 1, files.length, file)
 *   }
 * })
 * await client.callTool('copy', { files: ['a', 'b'] })
 * ```
 */
export class ToolContext {
  readonly #core: Core
  readonly #server: number
  readonly #call: number
  #controller: AbortController | undefined
  #aborted = false
  #known: Partial<Known> | undefined

  /** @internal */
  constructor(core: Core, server: number, call: number) {
    this.#core = core
    this.#server = server
    this.#call = call
  }

  /** Aborted when nobody waits for the result any more: the client cancelled or left, or the server was closed. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(abandoned())
    }
    return this.#controller.signal
  }

  /** The id of the client's request. */
  get requestId(): string | number | undefined {
    return this.#lookUp().requestId
  }

  /** The protocol revision of the request. */
  get protocolVersion(): string | undefined {
    return this.#lookUp().protocolVersion
  }

  /** Who the client is, where it said so. */
  get clientInfo(): Implementation | undefined {
    return this.#lookUp().clientInfo
  }

  /** Metadata of the request. */
  get _meta(): { [key: string]: unknown } | undefined {
    return this.#lookUp()._meta
  }

  /** Who makes the call, as the access token says that came with it; only of a server that is protected. */
  get auth(): AuthInfo | undefined {
    return this.#lookUp().auth
  }

  /**
   * Tells the client how far the call has come; `progress` must grow from one report to the next. False when the
   * client did not ask or no longer waits.
   *
   * @throws MisuseError when an argument is of the wrong type.
   */
  progress(progress: number, total?: number, message?: string): boolean {
    if (typeof progress !== 'number') number('context.progress: progress', progress)
    if (total !== undefined) number('context.progress: total', total)
    if (message !== undefined) string('context.progress: message', message)
    return this.#core.native.reportProgress(this.#server, this.#call, progress, total, message)
  }

  /** @internal */
  abort(): void {
    this.#aborted = true
    this.#controller?.abort(abandoned())
  }

  #lookUp(): Partial<Known> {
    if (!this.#known) {
      const json = this.#core.native.callContext(this.#server, this.#call)
      this.#known = json === null ? {} : (JSON.parse(json) as Known)
    }
    return this.#known
  }
}

function abandoned(): CancelledError {
  return new CancelledError('nobody waits for this tool call any more: the client cancelled it or is gone')
}
