// A server on oxmcp. usage: oxmcp-server.mjs stdio | http; over HTTP it prints its URL as a JSON line on stdout.

import { Server, audio, image, resource, resourceLink } from 'oxmcp'
import * as z from 'zod'

const server = new Server({ name: 'oxmcp-node', version: '0.1.0', instructions: 'Call add.', pageSize: 3 })
let aborted = 0
/** Called when the client says that it has heard of a step of `count`. */
let heard = () => {}

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
      const told = new Promise((resolve) => (heard = resolve))
      context.progress(step, to, `step ${step}`)
      // After the last report too: the official client forgets one that it reads together with the answer.
      await told
    }
    return 'counted'
  })
  .tool('heard', {}, () => {
    heard()
    return 'thank you'
  })
  // Its progress says that it has begun.
  .tool('wait', {}, (_args, context) => {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 600_000, 'waited')
      context.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        aborted += 1
        resolve('aborted')
      })
      context.progress(1)
    })
  })
  .tool('aborted', {}, () => `${aborted}`)

if (process.argv[2] === 'stdio') {
  await server.stdio()
} else {
  const { url } = await server.listen()
  console.log(JSON.stringify({ url }))
}
