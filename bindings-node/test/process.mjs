import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The path of a file of the fixtures. */
export function fixture(name) {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
}

/** How to start the fixture server over stdio. */
export const serverCommand = { command: process.execPath, args: [fixture('server.mjs')] }

/**
 * Runs a module given as text, which may import the package. Resolves when it has ended, with what it printed; it is
 * killed, and the promise rejects, when that takes longer than `limit` milliseconds.
 */
export async function runModule(source, { limit = 20_000, args = [] } = {}) {
  // The file stands in no directory: it is resolved as if it were beside this one.
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, '--', ...args], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), limit)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  if (signal) throw new Error(`the process did not end within ${limit} ms; it printed ${stdout}${stderr}`)
  return { code, stdout, stderr }
}

/** Starts the fixture server over HTTP. */
export async function startHttpServer() {
  const child = spawn(process.execPath, [fixture('server.mjs'), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  const { url } = JSON.parse(line)
  return {
    url,
    /** Ends it without a word. */
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

/** Whether a process is there. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until `condition` holds; throws when it does not within 10 s. */
export async function until(condition, what) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`${what} did not come to be within 10 s`)
}
