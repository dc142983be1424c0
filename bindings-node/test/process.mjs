import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TimeoutError } from 'oxmcp'

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
export async function runModule(source, { limit = 100_000, args = [] } = {}) {
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
  const { url } = JSON.parse(await firstLine(child.stdout))
  return {
    url,
    /** Ends it without a word. */
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

/** The first line that a stream gives; rejects when it ends before that. */
export async function firstLine(stream) {
  const { value, done } = await createInterface({ input: stream })[Symbol.asyncIterator]().next()
  if (done) throw new Error('the stream ended without a line')
  return value
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

/** Waits until `condition` holds; throws when it does not within a minute. */
export async function until(condition, what) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (await condition()) return
    await sleep(10)
  }
  throw new Error(`${what} did not come to be within a minute`)
}

/** Makes calls of the fixture's tool `wait` that time out, until one of them had begun and its handler was aborted. */
export async function timeOutWaiting(client) {
  const { begun } = await waitsOf(client)
  for (let timeout = 30; (await waitsOf(client)).begun === begun; timeout *= 2) {
    await assert.rejects(client.callTool('wait', {}, { timeout }), TimeoutError)
  }
  await untilAborted(client)
}

/** Aborts a call of the fixture's tool `wait` once it has begun, with a reason. */
export async function abortWaiting(client, reason) {
  const controller = new AbortController()
  const options = { signal: controller.signal, onProgress: () => controller.abort(reason) }
  await assert.rejects(client.callTool('wait', {}, options), (error) => error === controller.signal.reason)
  await untilAborted(client)
}

/** Waits until every handler of the fixture's tool `wait` that has begun was aborted. */
async function untilAborted(client) {
  await until(async () => {
    const { begun, aborted } = await waitsOf(client)
    return begun > 0 && begun === aborted
  }, 'the abort of the handler')
}

async function waitsOf(client) {
  return (await client.callTool('waits')).structuredContent
}
