/** The native addon, as `src/core.rs` exports it. Ids are whole numbers that this side chooses. */
export interface NativeCore {
  /** Every waiting event as JSON, `[more, kind, id, target, payload, ...]`; null when there are none. */
  drain(): string | null
  /** Carries out records (see `src/record.rs`), in order. */
  send(records: string): void
  /** Keeps the event loop alive until `release()`. */
  hold(): void
  release(): void
  openClient(config: string, id: number): number
  openClientInMemory(server: number, config: string, id: number): number
  clientClosed(client: number, id: number): void
  closeClient(client: number, id: number): void
  dropClient(client: number): void
  /** Answers a question of the core; false when nobody waits for it any more. */
  giveAnswer(question: number, json: string): boolean
  /** The same with no. */
  refuseAnswer(question: number, why: string): boolean
  /** The same when it cannot be answered. */
  failAnswer(question: number, why: string): boolean
  newServer(config: string): number
  addTool(server: number, definition: string, target: number, scopes: string[]): void
  removeTool(server: number, name: string): boolean
  serveStdio(server: number, id: number): void
  listenHttp(server: number, config: string, id: number): void
  reportProgress(server: number, call: number, progress: number, total?: number, message?: string): boolean
  callContext(server: number, call: number): string | null
  closeServer(server: number, id: number): void
  dropServer(server: number): void
}

/** Loads the addon; it throws what says which builds were looked for. */
export function loadNative(): { NativeCore: new (wake: () => void) => NativeCore } {
  // Left to run time: the addon is beside the bundle, not in it.
  return require('../native.cjs')
}
