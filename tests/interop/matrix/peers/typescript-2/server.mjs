// A server that offers every feature. usage: server.mjs stdio | http; over HTTP it prints its URL when it listens.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { Server, createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { CAPABILITIES, METHODS, announce, sessions } from '../everything.mjs'

const modern = '2026-07-28'

// Tells the streams of the stateless era; in a session, the server itself does.
let tell

/** Thrown by a handler that needs an answer which it was not given yet. */
class Needs extends Error {
  constructor(request) {
    super('an answer is needed')
    this.request = request
  }
}

function makeServer({ era } = {}) {
  const server = new Server({ name: 'typescript-2', version: '1' }, { capabilities: CAPABILITIES })
  for (const [method, handle] of Object.entries(METHODS)) {
    server.setRequestHandler(method, async ({ params }, { mcpReq }) => {
      const { progressToken } = mcpReq._meta ?? {}
      const call = {
        ask(method, params) {
          if (era !== 'modern') return mcpReq.send({ method, params })
          const answer = mcpReq.inputResponses?.question
          if (!answer) throw new Needs({ method, params })
          return answer
        },
        log: (level, data, logger) => mcpReq.log(level, data, logger),
        progress: (params) => progressToken === undefined
          ? undefined
          : mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...params } }),
        touch: (uri) => tell && era === 'modern' ? tell.resourceUpdated(uri) : server.sendResourceUpdated({ uri }),
        signal: mcpReq.signal,
      }
      try {
        return await handle(params, call)
      } catch (error) {
        if (!(error instanceof Needs)) throw error
        return { resultType: 'input_required', inputRequests: { question: error.request } }
      }
    })
  }
  return server
}

if (process.argv[2] === 'stdio') {
  serveStdio(makeServer)
} else {
  const handler = createMcpHandler(makeServer)
  tell = handler.notify
  const stateless = toNodeHandler(handler)
  const stateful = sessions(async (remember) => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => void remember(session, transport),
    })
    await makeServer().connect(transport)
    return transport
  })
  announce(createServer((request, response) => {
    const serve = request.headers['mcp-protocol-version'] === modern ? stateless : stateful
    return serve(request, response)
  }))
}
