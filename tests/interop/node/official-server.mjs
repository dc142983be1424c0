// A server on the official TypeScript SDK. usage: official-server.mjs stdio | http | http-sessions
//   http           one endpoint for 2026-07-28, stateless
//   http-sessions  2025-11-25, one transport a session
// Over HTTP it prints its URL as a JSON line on stdout when it listens.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

// The calls of `wait` that have begun, and those of them that were aborted.
const waits = { begun: 0, aborted: 0 }

function makeServer() {
  const server = new McpServer({ name: 'official', version: '2.4.0' }, { instructions: 'Call add.' })
  const tool = (name, inputSchema, handler, more = {}) => server.registerTool(name, { inputSchema, ...more }, handler)
  const said = (text) => ({ content: [{ type: 'text', text }] })

  tool('add', z.object({ a: z.number(), b: z.number() }), async ({ a, b }) => said(`${a + b}`))
  tool('echo', z.object({ text: z.string() }), async ({ text }) => said(text))
  tool('picture', z.object({}), async () => ({
    content: [
      { type: 'image', data: 'AQID', mimeType: 'image/png' },
      { type: 'audio', data: 'BAUG', mimeType: 'audio/wav' },
      { type: 'resource', resource: { uri: 'test://r', text: 'held', mimeType: 'text/plain' } },
      { type: 'resource_link', uri: 'test://l', name: 'l' },
    ],
  }))
  tool('weather', z.object({ city: z.string() }), async ({ city }) => ({
    ...said(`{"city":"${city}","degrees":21}`),
    structuredContent: { city, degrees: 21 },
  }), { outputSchema: z.object({ city: z.string(), degrees: z.number() }) })
  tool('fail', z.object({}), async () => {
    throw new Error('it failed')
  })
  tool('count', z.object({ to: z.number() }), async ({ to }, { mcpReq }) => {
    const { progressToken } = mcpReq._meta ?? {}
    for (let progress = 1; progress <= to && progressToken !== undefined; progress++) {
      await sleep(10)
      const params = { progressToken, progress, total: to, message: `step ${progress}` }
      await mcpReq.notify({ method: 'notifications/progress', params })
    }
    return said('counted')
  })
  tool('wait', z.object({}), (_args, { mcpReq }) => {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 600_000, said('waited'))
      mcpReq.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        waits.aborted += 1
        resolve(said('aborted'))
      })
      waits.begun += 1
      const { progressToken } = mcpReq._meta ?? {}
      if (progressToken === undefined) return
      mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
    })
  })
  tool('waits', z.object({}), async () => said(JSON.stringify(waits)))
  return server
}

const kind = process.argv[2]
if (kind === 'stdio') {
  serveStdio(makeServer)
} else {
  const http = createServer(kind === 'http' ? toNodeHandler(createMcpHandler(makeServer)) : sessions())
  http.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}/mcp` }))
  })
}

/** Serves 2025-11-25: a transport for every session that a client begins. */
function sessions() {
  const transports = new Map()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    let transport = id ? transports.get(id) : undefined
    if (!transport) {
      if (id) return void response.writeHead(404).end()
      transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (session) => void transports.set(session, transport),
      })
      transport.onclose = () => void transports.delete(transport.sessionId)
      await makeServer().connect(transport)
    }
    await transport.handleRequest(request, response)
  }
}
