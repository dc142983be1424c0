import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The command line of a module beside this one. */
export function command(module, ...args) {
  return { command: process.execPath, args: [fileURLToPath(new URL(module, import.meta.url)), ...args] }
}

/** Starts an HTTP server; gives its URL, and how to end it. */
export async function startHttp(module, ...args) {
  const { command: program, args: words } = command(module, ...args)
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return {
    url: JSON.parse(line).url,
    async stop() {
      child.kill()
      await once(child, 'close')
    },
  }
}

/** Waits until `condition` holds; throws when it does not within 5 s. */
export async function until(condition, what) {
  for (const end = Date.now() + 5000; Date.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what} did not come to be within 5 s`)
}
