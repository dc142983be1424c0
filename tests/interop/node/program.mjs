import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The command line of a module beside this one. */
export function command(module, ...args) {
  return { command: process.execPath, args: [fileURLToPath(new URL(module, import.meta.url)), ...args] }
}

/** Starts an HTTP server; gives its URL, and how to end it. */
export async function startHttp(module, ...args) {
  const { command: program, args: words } = command(module, ...args)
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { value, done } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (done) throw new Error(`${module} ended before it listened`)
  return {
    url: JSON.parse(value).url,
    async stop() {
      child.kill()
      await once(child, 'close')
    },
  }
}

/** Waits until `condition` holds; throws when it does not within a minute. */
export async function until(condition, what) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what} did not come to be within a minute`)
}
