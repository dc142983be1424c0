// The client that the official conformance suite drives. usage: client.mjs URL
// The suite names the scenario in MCP_CONFORMANCE_SCENARIO.

import { connect } from '../../../bindings-node/dist/index.mjs'

/** What a client does in each scenario, once it is connected. */
const scenarios = {
  // The servers of these two declare no capability, so there is nothing else to ask them.
  initialize: (client) => client.ping(),
  'request-metadata': (client) => client.ping(),
  'json-schema-ref-no-deref': (client) => client.listTools(),

  async tools_call(client) {
    const [tool] = await client.listTools()
    const result = await client.callTool(tool.name, { a: 2, b: 3 })
    if (result.text !== 'The sum of 2 and 3 is 5') throw new Error(`${tool.name} answered ${result.text}`)
  },

  async 'http-standard-headers'(client) {
    const [tool] = await client.listTools()
    await client.callTool(tool.name, {})
  },

  async 'json-schema-2020-12-preservation'(client) {
    const tools = await client.listTools()
    const { inputSchema } = tools.find((tool) => tool.name === 'json_schema_2020_12_tool')
    await client.callTool('json_schema_echo', { schema: inputSchema })
  },
}

const scenario = process.env.MCP_CONFORMANCE_SCENARIO
const run = scenarios[scenario]
if (!run) throw new Error(`the Node client does not cover the scenario ${scenario}`)

const client = await connect(process.argv[2], { name: 'oxmcp-conformance-node', version: '0.1.0' })
try {
  console.error(`${client.serverInfo?.name} speaks ${client.protocolVersion}`)
  await run(client)
} finally {
  await client.close()
}
