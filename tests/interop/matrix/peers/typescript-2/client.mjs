// A client that uses every feature. usage: client.mjs REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { ANSWERS, CAPABILITIES, drive, logs, target, updates } from '../driver.mjs'

const [revision, features, ...rest] = process.argv.slice(2)
const modern = revision === '2026-07-28'
const LEVEL = { 'io.modelcontextprotocol/logLevel': 'debug' }

const client = new Client(
  { name: 'typescript-2', version: '1' },
  { capabilities: CAPABILITIES, versionNegotiation: { mode: modern ? { pin: revision } : 'legacy' } },
)
for (const [method, answer] of Object.entries(ANSWERS)) client.setRequestHandler(method, answer)
client.setNotificationHandler('notifications/message', ({ params: { level, logger, data } }) => {
  logs.tell([level, logger, data])
})
client.setNotificationHandler('notifications/resources/updated', ({ params }) => updates.tell(params.uri))

const { url, ...command } = target(rest)
await client.connect(url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(command))
if (!modern) await client.setLoggingLevel('debug')

const call = (params, options) => client.callTool(modern ? { ...params, _meta: LEVEL } : params, options)

async function subscribed(uri, during) {
  if (modern) {
    const subscription = await client.listen({ resourceSubscriptions: [uri] })
    const seen = await during()
    await subscription.close()
    return seen
  }
  await client.subscribeResource({ uri })
  const seen = await during()
  await client.unsubscribeResource({ uri })
  return seen
}

await drive(client.getNegotiatedProtocolVersion(), client, { call, subscribed }, features.split(','))
await client.close()
