// A server that offers every feature. usage: server.mjs stdio | http; over HTTP it prints its URL when it listens.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import * as types from '@modelcontextprotocol/sdk/types.js'
import { CAPABILITIES, METHODS, announce, sessions } from '../everything.mjs'

const REQUESTS = {
  'tools/list': types.ListToolsRequestSchema,
  'tools/call': types.CallToolRequestSchema,
  'resources/list': types.ListResourcesRequestSchema,
  'resources/templates/list': types.ListResourceTemplatesRequestSchema,
  'resources/read': types.ReadResourceRequestSchema,
  'resources/subscribe': types.SubscribeRequestSchema,
  'resources/unsubscribe': types.UnsubscribeRequestSchema,
  'prompts/list': types.ListPromptsRequestSchema,
  'prompts/get': types.GetPromptRequestSchema,
  'completion/complete': types.CompleteRequestSchema,
}
const RESULTS = {
  'sampling/createMessage': types.CreateMessageResultSchema,
  'elicitation/create': types.ElicitResultSchema,
  'roots/list': types.ListRootsResultSchema,
}

function makeServer() {
  const server = new Server({ name: 'typescript-1', version: '1' }, { capabilities: CAPABILITIES })
  for (const [method, handle] of Object.entries(METHODS)) {
    server.setRequestHandler(REQUESTS[method], ({ params }, extra) => {
      const { progressToken } = extra._meta ?? {}
      return handle(params, {
        ask: (method, params) => extra.sendRequest({ method, params }, RESULTS[method]),
        log: (level, data, logger) =>
          extra.sendNotification({ method: 'notifications/message', params: { level, logger, data } }),
        progress: (params) => progressToken === undefined
          ? undefined
          : extra.sendNotification({ method: 'notifications/progress', params: { progressToken, ...params } }),
        touch: (uri) => server.sendResourceUpdated({ uri }),
        signal: extra.signal,
      })
    })
  }
  return server
}

if (process.argv[2] === 'stdio') {
  await makeServer().connect(new StdioServerTransport())
} else {
  const serve = sessions(async (remember) => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (session) => void remember(session, transport),
    })
    await makeServer().connect(transport)
    return transport
  })
  announce(createServer(serve))
}
