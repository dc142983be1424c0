// Facts about text, as an MCP server. usage: node server.mjs [--port N]

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Server, ToolError } from 'oxmcp'
import * as z from 'zod'

const server = new Server({ name: 'text-facts', version: '0.1.0' })

server.tool(
  'count_words',
  {
    description: 'Counts the lines, words and characters of a text.',
    inputSchema: z.object({ text: z.string() }),
    outputSchema: z.object({ lines: z.int(), words: z.int(), characters: z.int() }),
  },
  ({ text }) => ({
    lines: text.split('\n').length - (text === '' || text.endsWith('\n') ? 1 : 0),
    words: text.split(/\s+/u).filter(Boolean).length,
    characters: [...text].length,
  }),
)

server.tool(
  'find_text',
  {
    description: 'Tells which lines of the files in a folder hold a text.',
    inputSchema: z.object({ folder: z.string(), text: z.string() }),
  },
  async ({ folder, text }, context) => {
    const names = await filesOf(folder)
    const hits = []
    for (const [index, name] of names.entries()) {
      context.signal.throwIfAborted()
      const lines = (await readFile(join(folder, name), 'utf8')).split('\n')
      lines.forEach((line, at) => {
        if (line.includes(text)) hits.push(`${name}:${at + 1}: ${line}`)
      })
      context.progress(index + 1, names.length, name)
    }
    return hits.join('\n')
  },
)

const { port } = parseArgs({ options: { port: { type: 'string' } } }).values
if (port === undefined) {
  await server.stdio()
} else {
  const { url } = await server.listen({ port: Number(port) })
  console.error(`listening at ${url}`)
}

/** The names of the files in a folder, sorted. */
async function filesOf(folder) {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()
  } catch (error) {
    throw new ToolError(`cannot read the folder ${folder}: ${error.message}`)
  }
}
