// Bench server. usage: server.mjs stdio | http PORT

import { Server } from '../../../bindings-node/dist/index.mjs'

const server = new Server({ name: 'bench', version: '0' })

server.tool(
  'echo',
  {
    description: 'Return the text.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  },
  async ({ text }) => text,
)

server.tool(
  'blob',
  {
    description: 'Return size bytes of text.',
    inputSchema: { type: 'object', properties: { size: { type: 'integer' } }, required: ['size'] },
  },
  async ({ size }) => 'x'.repeat(size),
)

const [transport, port] = process.argv.slice(2)
if (transport === 'stdio') await server.stdio()
else await server.listen({ port: Number(port) })
