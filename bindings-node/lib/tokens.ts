import { MisuseError } from './errors.js'

/**
 * Where a client keeps its tokens: a keychain, for example, which several clients may share.
 *
 * Keys and values are text; what they mean is the library's affair. Values are secrets: keep them where only their user
 * gets at them. Reading and writing have 30 seconds each.
 */
export interface TokenStore {
  /** What is kept under `key`. */
  read(key: string): string | null | undefined | Promise<string | null | undefined>
  /** Keeps `value` under `key`, or nothing any more. When it is done, it is kept for good. */
  write(key: string, value: string | null): void | Promise<void>
  /**
   * Waits until nobody else who shares the store holds `key`; gives a function that lets it go. Only one client at a
   * time asks for new tokens so, and the others use what it got. A client may hold several keys at a time. Without it,
   * the clients of this object exclude each other; a store that several processes share needs a lock that they share.
   */
  lock?(key: string): (() => void) | Promise<() => void>
}

/** What was read, for the core. */
export async function read(store: TokenStore, key: string): Promise<object> {
  const value = (await store.read(key)) ?? null
  if (value === null || typeof value === 'string') return { value }
  throw new MisuseError(`a token store has read a ${typeof value}; it reads strings, or null`)
}

/** Holds a key of a store. */
export async function lock(store: TokenStore, key: string): Promise<() => void> {
  if (!store.lock) return lockHere(store, key)
  const letGo = await store.lock(key)
  if (typeof letGo === 'function') return letGo
  throw new MisuseError('the lock of a token store gives a function that lets it go')
}

/** For each store without locks, who is the last to wait for each key. */
const last = new WeakMap<TokenStore, Map<string, Promise<void>>>()

async function lockHere(store: TokenStore, key: string): Promise<() => void> {
  const keys = last.get(store) ?? new Map<string, Promise<void>>()
  last.set(store, keys)
  const before = keys.get(key)
  let letGo = () => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  keys.set(key, held)
  await before
  return letGo
}
