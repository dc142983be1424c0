// A server for the fault tests; `--port N` for HTTP, and then it prints its URL. Its tools: `echo`, `throw` (its handler throws), `sleep` (for so many milliseconds).

import { setTimeout } from 'node:timers/promises'
import { Server } from '../../../bindings-node/dist/index.mjs'

const object = (properties) => ({ type: 'object', properties, required: Object.keys(properties) })

const server = new Server({ name: 'faults', version: '0.1.0' })
server.tool('echo', { inputSchema: object({ text: { type: 'string' } }) }, ({ text }) => text)
server.tool('throw', { inputSchema: object({}) }, () => {
  throw new Error('thrown on purpose')
})
server.tool('sleep', { inputSchema: object({ ms: { type: 'integer' } }) }, async ({ ms }, { signal }) => {
  await setTimeout(ms, undefined, { signal })
  return 'slept'
})

const at = process.argv.indexOf('--port')
if (at > 0) console.log((await server.listen({ port: Number(process.argv[at + 1]) })).url)
else await server.stdio()
