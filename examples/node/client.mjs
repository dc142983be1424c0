// Calls a tool of any MCP server. usage: node client.mjs TOOL ARGUMENTS URL | COMMAND [ARGS...]

import { connect } from 'oxmcp'

const [tool, args, target, ...rest] = process.argv.slice(2)
const isUrl = /^https?:/.test(target)

let client
try {
  client = await connect(isUrl ? target : { command: target, args: rest }, { name: 'example', version: '0.1.0' })
  const { name, version } = client.serverInfo
  console.log(`server: ${name} ${version}, revision ${client.protocolVersion}`)
  console.log(`tools: ${(await client.listTools()).map((tool) => tool.name).join(', ')}`)

  const result = await client.callTool(tool, JSON.parse(args), {
    onProgress: ({ progress, total, message }) => console.log(`progress: ${progress}/${total} ${message ?? ''}`.trimEnd()),
  })
  if (result.isError) throw new Error(`${tool} failed: ${result.text}`)
  console.log(result.text)
} catch (error) {
  console.error(`${error.name}: ${error.message}`)
  process.exitCode = 1
} finally {
  await client?.close()
}
