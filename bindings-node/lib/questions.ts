import type { NativeCore } from './native.js'
import { Refused } from './refused.js'

/** What the core asks; see the bridge's `EventKind::Question`. */
export interface Question {
  ask: string
  url?: string
  redirectUri?: string
  key?: string
  value?: string | null
  token?: string
  resource?: string
}

/** What answers for a client, or for a server that listens. */
export interface Answerer {
  /** Gives what is asked for. The signal is aborted when nobody waits for it any more. */
  answer(question: Question, signal: AbortSignal): Promise<object>
  /** Waits until nobody else holds a key of the token store; gives what lets it go. */
  lock?(key: string): Promise<() => void>
  /** Told what was thrown in place of an answer. */
  onError?(error: unknown): void
}

/** The questions of the core that functions of the user's answer. */
export class Questions {
  /** Who answers, by the operation that opened the client or began to listen. */
  readonly answerers = new Map<number, Answerer>()

  readonly #native: NativeCore
  /** What is to be done when a question is over, by its id. */
  readonly #ends = new Map<number, () => void>()

  constructor(native: NativeCore) {
    this.#native = native
  }

  /** Has a question answered. It never rejects. */
  async ask(id: number, target: number, question: Question): Promise<void> {
    const native = this.#native
    const answerer = this.answerers.get(target)
    if (!answerer) return void native.failAnswer(id, 'whoever could answer is gone')
    const controller = new AbortController()
    this.#ends.set(id, () => controller.abort())
    try {
      if (question.ask === 'lockTokens') return await this.#hold(id, answerer, question.key!)
      const given = JSON.stringify(await answerer.answer(question, controller.signal))
      this.#ends.delete(id)
      native.giveAnswer(id, given)
    } catch (error) {
      this.#ends.delete(id)
      if (error instanceof Refused) return void native.refuseAnswer(id, error.message)
      // What nobody waits for any more may end as it likes.
      if (!native.failAnswer(id, String(error))) return
      try {
        answerer.onError?.(error)
      } catch {
        // It is for logs alone.
      }
    }
  }

  /** Nobody waits for an answer any more, or what it gave is let go. */
  over(id: number): void {
    const end = this.#ends.get(id)
    this.#ends.delete(id)
    end?.()
  }

  async #hold(id: number, answerer: Answerer, key: string): Promise<void> {
    const letGo = await answerer.lock!(key)
    this.#ends.set(id, () => {
      try {
        letGo()
      } catch (error) {
        answerer.onError?.(error)
      }
    })
    // Nobody may wait for it any more.
    if (!this.#native.giveAnswer(id, '{}')) this.over(id)
  }
}
