// A client that uses every feature. usage: client.mjs REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import * as types from '@modelcontextprotocol/sdk/types.js'
import { ANSWERS, CAPABILITIES, drive, logs, target, updates } from '../driver.mjs'

const SCHEMAS = {
  'sampling/createMessage': types.CreateMessageRequestSchema,
  'elicitation/create': types.ElicitRequestSchema,
  'roots/list': types.ListRootsRequestSchema,
}

const [, features, ...rest] = process.argv.slice(2)

const client = new Client({ name: 'typescript-1', version: '1' }, { capabilities: CAPABILITIES })
for (const [method, answer] of Object.entries(ANSWERS)) client.setRequestHandler(SCHEMAS[method], answer)
client.setNotificationHandler(types.LoggingMessageNotificationSchema, ({ params: { level, logger, data } }) => {
  logs.tell([level, logger, data])
})
client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, ({ params }) => updates.tell(params.uri))

const { url, ...command } = target(rest)
const transport = url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(command)
// The SDK tells its transport which revision was agreed on, and nobody else.
let revision
const tell = transport.setProtocolVersion?.bind(transport)
transport.setProtocolVersion = (version) => {
  revision = version
  tell?.(version)
}
await client.connect(transport)
await client.setLoggingLevel('debug')

const call = (params, options) => client.callTool(params, undefined, options)

async function subscribed(uri, during) {
  await client.subscribeResource({ uri })
  const seen = await during()
  await client.unsubscribeResource({ uri })
  return seen
}

await drive(revision, client, { call, subscribed }, features.split(','))
await client.close()
