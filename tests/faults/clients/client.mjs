// `client.mjs SPEC`: connects as SPEC says, makes its calls, closes, twice over, and prints what came of it as JSON.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, McpError } from '../../../bindings-node/dist/index.mjs'

const spec = JSON.parse(process.argv[2])
const rounds = []
const fds = []
for (let round = 0; round < 2; round++) {
  rounds.push(await oneRound())
  fds.push(await settled())
}
console.log(JSON.stringify({ rounds, fds, children: children() }))

async function oneRound() {
  const { connectTimeoutMs, protocolVersion, ...target } = spec.config
  let client
  try {
    client = await connect(target, { connectTimeout: connectTimeoutMs, protocolVersion })
  } catch (error) {
    return { connect: failed(error) }
  }
  const calls = []
  for (const call of spec.calls) calls.push(await called(client, call))
  await client.close()
  return { connect: {}, calls }
}

async function called(client, call) {
  try {
    const result = await client.callTool(call.tool, call.arguments, { timeout: call.timeoutMs })
    return { isError: result.isError ?? false, text: result.text }
  } catch (error) {
    return failed(error)
  }
}

function failed(error) {
  if (!(error instanceof McpError)) throw error
  const { kind, message, code, data } = error
  return { kind, message, code, data }
}

// What is released in the background may take a moment: waits until no more is left than before.
async function settled() {
  const until = performance.now() + 60_000
  while (fds.length > 0 && performance.now() < until && openFds() > fds[0]) await sleep(20)
  return openFds()
}

function openFds() {
  return readdirSync('/proc/self/fd').length
}

function children() {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(/\s+/).filter(Boolean),
  )
}
