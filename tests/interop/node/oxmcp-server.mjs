// A server on oxmcp. usage: oxmcp-server.mjs stdio | http; over HTTP it prints its URL as a JSON line on stdout.

import { setTimeout as sleep } from 'node:timers/promises'
import { Server, audio, image, resource, resourceLink } from 'oxmcp'
import * as z from 'zod'

const server = new Server({ name: 'oxmcp-node', version: '0.1.0', instructions: 'Call add.', pageSize: 3 })
let aborted = 0

server
  .tool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => `${a + b}`)
  .tool('echo', { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => text)
  .tool('picture', {}, () => [
    image(new Uint8Array([1, 2, 3]), 'image/png'),
    audio(new Uint8Array([4, 5, 6]), 'audio/wav'),
    resource('test://r', 'held', 'text/plain'),
    resourceLink('test://l', 'l'),
  ])
  .tool(
    'weather',
    {
      inputSchema: z.object({ city: z.string() }),
      outputSchema: z.object({ city: z.string(), degrees: z.number() }),
    },
    ({ city }) => ({ city, degrees: 21 }),
  )
  .tool('fail', {}, () => {
    throw new Error('it failed')
  })
  .tool('count', { inputSchema: z.object({ to: z.number() }) }, async ({ to }, context) => {
    for (let step = 1; step <= to; step++) {
      context.progress(step, to, `step ${step}`)
      // After the last report too: the official client forgets one that it reads together with the answer.
      await sleep(20)
    }
    return 'counted'
  })
  .tool('wait', {}, (_args, { signal }) => {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 30_000, 'waited')
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        aborted += 1
        resolve('aborted')
      })
    })
  })
  .tool('aborted', {}, () => `${aborted}`)

if (process.argv[2] === 'stdio') {
  await server.stdio()
} else {
  const { url } = await server.listen()
  console.log(JSON.stringify({ url }))
}
