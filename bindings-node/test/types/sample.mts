// Compiled, not run: what the types of the package allow and refuse.

import { type } from 'arktype'
import {
  McpError,
  RpcError,
  Server,
  ToolError,
  connect,
  image,
  text,
  type CallToolResult,
  type Client,
  type ErrorKind,
  type Progress,
  type Tool,
  type ToolHandler,
} from 'oxmcp'
import * as v from 'valibot'
import * as z from 'zod'
import * as z3 from 'zod3'

const server = new Server({ name: 'sample', version: '1.0.0', instructions: 'x', pageSize: 10 })

server
  .tool('zod', { inputSchema: z.object({ a: z.number(), b: z.string().default('x') }) }, async ({ a, b }, context) => {
    const sum: number = a
    const said: string = b
    const told: boolean = context.progress(1, 2, 'half')
    const signal: AbortSignal = context.signal
    // @ts-expect-error there is no such argument
    ;({ c: a.c })
    return `${sum} ${said} ${told} ${signal.aborted} ${context.clientInfo?.name}`
  })
  .tool('zod3', { inputSchema: z3.object({ n: z3.number() }), inputJsonSchema: {} }, ({ n }) => n.toFixed())
  .tool('valibot', { inputSchema: v.object({ n: v.number() }), inputJsonSchema: {} }, ({ n }) => n.toFixed())
  .tool('arktype', { inputSchema: type({ n: 'number' }) }, ({ n }) => n.toFixed())
  .tool('json', { inputSchema: { type: 'object', properties: { n: { type: 'number' } } } }, ({ n }) => [text(`${n}`)])
  .tool('none', {}, () => [image(new Uint8Array(), 'image/png'), 'a string'])
  .tool('nothing', {}, () => {})
  .tool('output', { outputSchema: z.object({ n: z.number() }) }, () => ({ n: 1 }))
  .tool('full', { outputSchema: z.object({ n: z.number() }) }, async (): Promise<CallToolResult> => {
    return { content: [{ type: 'text', text: '1' }], structuredContent: { n: 1 } }
  })

// @ts-expect-error the result does not fit the output schema
server.tool('bad output', { outputSchema: z.object({ n: z.number() }) }, () => ({ n: 'x' }))
// @ts-expect-error a server needs a version
new Server({ name: 'x' })
// @ts-expect-error no such option
server.tool('bad option', { descriptoin: 'x' }, () => '')

const handler: ToolHandler = (args) => {
  if (args.bad) throw new ToolError('bad')
  return `${args.anything}`
}
server.tool('handler', {}, handler)

export async function main(signal: AbortSignal): Promise<void> {
  await server.stdio()
  const http = await server.listen({ port: 0, host: '127.0.0.1', path: '/mcp', allowedHosts: ['a'], allowedOrigins: ['b'] })
  const url: string = http.url

  await using client: Client = await connect(new URL(url), { signal, name: 'n', version: '1', timeout: 1000 })
  await using other = await connect({ command: 'node', args: ['server.mjs'], env: { A: 'b' }, cwd: '/' })
  await using third = await connect({ url, headers: { authorization: 'Bearer x' } })
  await using inMemory = await connect(server)
  void [other, third, inMemory]
  // @ts-expect-error no such target
  await connect({ cmd: 'node' })

  const tools: Tool[] = await client.listTools()
  for await (const tool of client.tools()) void (tool.name + tools[0]?.description)

  const onProgress = ({ progress, total }: Progress) => void (progress / (total ?? 1))
  const result = await client.callTool<{ n: number }>('output', { a: 1 }, { signal, timeout: 1, maxTimeout: 2, onProgress })
  const n: number | undefined = result.structuredContent?.n
  const isError: boolean = result.isError
  for (const block of result.content) {
    if (block.type === 'text') void block.text
    else if (block.type === 'resource') void block.resource.uri
  }
  interface Arguments {
    a: number
  }
  const args: Arguments = { a: 1 }
  await client.callTool('typed', args)
  // An option that may be undefined is as good as one that is left out.
  const maybe: { signal: AbortSignal | undefined; timeout: number | undefined } = { signal: undefined, timeout: undefined }
  await client.callTool('typed', args, maybe)
  await client.closed
  void [n, isError, result.text]

  try {
    await client.ping()
  } catch (error) {
    if (error instanceof RpcError) void (error.code! + 1)
    if (error instanceof McpError) {
      const kind: ErrorKind = error.kind
      void [kind, error.data]
    }
  }
}
