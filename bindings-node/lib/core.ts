import { errorFrom, type CoreError } from './errors.js'
import { loadNative, type NativeCore } from './native.js'
import { Questions, type Question } from './questions.js'

/** What waits for an operation to settle. It is told exactly once. */
export interface Pending {
  complete(result: any): void
  fail(error: Error): void
  progress?(progress: any): void
}

/** What takes the calls of one tool. */
export interface CallTarget {
  call(call: number, args: any): void
}

/** What is told that nobody waits for a tool call any more. */
export interface Abortable {
  abort(): void
}

// The kinds of events, as in the core's `EventKind`.
const COMPLETED = 1
const FAILED = 2
const PROGRESS = 3
const TOOL_CALL = 4
const CALL_CANCELLED = 5
const QUESTION = 6
const QUESTION_OVER = 7

/** Ends a record in what goes to the core; JSON text never holds it. */
export const END = '\x1e'

/** A server's tools have the numbers from its own number times this. */
const TARGETS = 2 ** 32

/** The answer to a call that was on its way when its tool was removed. */
const REMOVED = '{"content":[{"type":"text","text":"the tool was removed"}],"isError":true}'

/** Size at which records no longer wait for the tick to end, in UTF-16 units. */
const FULL = 64 * 1024

/** This environment's end of the native core: who waits for what, and what is to be sent. */
class Core {
  readonly native: NativeCore
  /** Operations in flight, by id. */
  readonly #pending = new Map<number, Pending>()
  /** Tool calls being handled, by the core's call id. */
  readonly calls = new Map<number, Abortable>()
  /** The tools of all servers, by number. */
  readonly targets = new Map<number, CallTarget>()
  readonly questions: Questions

  #lastId = 0
  #outbox = ''
  #scheduled = false
  #held = 0

  constructor() {
    this.native = new (loadNative().NativeCore)(this.#receive)
    this.questions = new Questions(this.native)
  }

  /** A number no other operation or tool has. */
  nextId(): number {
    return ++this.#lastId
  }

  /** Registers what takes the calls of a tool of `server`, and gives its number. */
  addTarget(server: number, target: CallTarget): number {
    const number = server * TARGETS + this.nextId()
    this.targets.set(number, target)
    return number
  }

  /**
   * Sends a record, ended by `END`, at the end of this tick: what a tick produces crosses to the core at once.
   */
  send(record: string): void {
    this.#outbox += record
    if (this.#outbox.length > FULL) {
      this.#flush()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      // Runs when the microtasks of this tick are done, those of tool handlers among them.
      process.nextTick(this.#flush)
    }
  }

  /** Starts an operation by `start`, and gives what it completes with. */
  run<Result>(start: (id: number) => void): Promise<Result> {
    return new Promise((resolve, reject) => {
      const id = this.nextId()
      this.await(id, { complete: resolve, fail: reject })
      try {
        this.#flush()
        start(id)
      } catch (error) {
        this.take(id)
        reject(error)
      }
    })
  }

  /** Notes what waits for the operation `id`. The process stays alive until it is taken. */
  await(id: number, pending: Pending): void {
    this.#pending.set(id, pending)
    this.hold()
  }

  /** Takes what waits for the operation `id`, to settle it; undefined when it has settled. */
  take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending && this.#pending.delete(id)) this.release()
    return pending
  }

  /** Keeps the process alive, until as many releases. */
  hold(): void {
    if (this.#held++ === 0) this.native.hold()
  }

  /** Takes one hold back. */
  release(): void {
    if (--this.#held === 0) this.native.release()
  }

  #flush = (): void => {
    this.#scheduled = false
    if (this.#outbox === '') return
    const records = this.#outbox
    this.#outbox = ''
    this.native.send(records)
  }

  #receive = (): void => {
    const json = this.native.drain()
    if (json === null) return
    const batch = JSON.parse(json) as any[]
    if (batch[0] === 1) setImmediate(this.#receive)
    for (let at = 1; at < batch.length; at += 4) {
      this.#handle(batch[at], batch[at + 1], batch[at + 2], batch[at + 3])
    }
  }

  /** Hands one event to whom it concerns. None of them throws: user code runs behind its own `try`. */
  #handle(kind: number, id: number, target: number, payload: any): void {
    switch (kind) {
      case COMPLETED:
        this.take(id)?.complete(payload)
        break
      case FAILED:
        this.take(id)?.fail(errorFrom(payload as CoreError))
        break
      case PROGRESS:
        this.#pending.get(id)?.progress?.(payload)
        break
      case TOOL_CALL: {
        const tool = this.targets.get(target)
        if (tool) tool.call(id, payload)
        else this.send(`r ${Math.floor(target / TARGETS)} ${id} ${REMOVED}${END}`)
        break
      }
      case CALL_CANCELLED:
        this.calls.get(id)?.abort()
        break
      case QUESTION:
        void this.questions.ask(id, target, payload as Question)
        break
      case QUESTION_OVER:
        this.questions.over(id)
        break
    }
  }
}

export type { Core }

let core: Core | undefined

/** The core of this environment, made when it is first needed. */
export function sharedCore(): Core {
  return (core ??= new Core())
}
