// Compiles and runs the code of the guide, of the package's README and of the comments.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

/** Where the browser is of a user who agrees to everything. */
const browser = fileURLToPath(new URL('fixtures/browser', import.meta.url))

const documents = ['../docs/node.md', '../docs/authorization.md', 'README.md', ...readdirSync(join(root, 'lib')).map((name) => `lib/${name}`)]

/** What a piece of code without imports finds. */
const surroundings = (code) => `
import { McpError, RpcError, Server, ToolError, connect } from 'oxmcp'
import * as z from 'zod'
void [McpError, RpcError, ToolError, z]
const server = new Server({ name: 'demo', version: '1.0.0' })
server.tool('slow', { inputSchema: z.object({ steps: z.int() }) }, async ({ steps }, context) => {
  for (let step = 1; step <= steps; step++) context.progress(step, steps, 'step')
  return 'done'
})
const client = await connect(server)
{
${code.replace(/^const server = .*$/m, '')}
}
await client.close()
await server.close()
`

/** What a piece of code about authorization finds: servers of this machine in place of those that it names. */
const authorized = (code) => `
import { type Authorization, Refused, Server, connect } from 'oxmcp'
// @ts-ignore: it has no types
import { freePort, guarded, startGrantor } from '../../fixtures/grantor.mjs'
void [Refused, Server, connect, freePort]
const grantor = await startGrantor()
const files = await guarded(grantor)
const window = { visit: async (url: string, _signal: AbortSignal): Promise<string> => grantor.approve(url) }
void (undefined as unknown as Authorization)
{
${code
  .replaceAll("connect('https://mcp.example.com/mcp'", 'connect(files.url')
  .replaceAll("'https://idp.example.com/token'", '`${grantor.issuer}/token`')
  .replaceAll("issuer = 'https://auth.example.com'", 'issuer: string = grantor.issuer')
  .replaceAll("'http://127.0.0.1:8123/mcp'", '`http://127.0.0.1:${port}/mcp`')
  .replaceAll('port: 8123', 'port')
  .replace(/^(?=[^]*\bport\b)/, 'const port: number = await freePort()\n')}
}
await files.server.close()
grantor.close()
`

/** Ends the process where an assertion of the code does not hold: console.assert only prints. */
const strictAssert = "console.assert = (holds) => { if (!holds) throw new Error('an assertion does not hold') }\n"

for (const document of documents) {
  const around = document.endsWith('authorization.md') ? authorized : surroundings
  const blocks = codeOf(readFileSync(join(root, document), 'utf8'), around)
  if (blocks.length === 0) continue

  describe(`the code of ${document}`, () => {
    const dir = join(root, 'test/scratch', document.replace(/[^a-z]+/gi, '-'))

    before(() => {
      rmSync(dir, { recursive: true, force: true })
      mkdirSync(dir, { recursive: true })
      for (const { name, code } of blocks) {
        writeFileSync(join(dir, `${name}.mts`), code)
        const { code: runnable } = transformSync(code, { loader: 'ts', target: 'node20', format: 'esm' })
        writeFileSync(join(dir, `${name}.mjs`), strictAssert + runnable.replaceAll('server.ts', 'server.mjs'))
      }
    })

    test('compiles', () => {
      const config = { extends: '../../types/tsconfig.json', include: ['*.mts'] }
      writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
      assert.equal(execFileSync(process.execPath, [tsc, '--project', dir], { encoding: 'utf8' }), '')
    })

    for (const { name, line } of blocks) {
      test(`of line ${line} runs`, () => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [`${name}.mjs`], {
          cwd: dir,
          encoding: 'utf8',
          input: '',
          timeout: 100_000,
          env: { ...process.env, PATH: `${browser}:${process.env.PATH}` },
        })
        assert.equal(status, 0, stdout + stderr)
        if (name === 'client') assert.ok(stdout.endsWith('3\n'), stdout)
      })
    }
  })
}

/** The TypeScript of a document: of Markdown, or of its comments. */
function codeOf(text, around) {
  const fences = /^([ *]*)```ts\n([\s\S]*?)^[ *]*```$/gm
  return [...text.matchAll(fences)].map(([, prefix, body], index) => {
    const lines = body.split('\n').map((line) => line.slice(prefix.length))
    const [, file] = /^\/\/ (\w+)\.ts$/.exec(lines[0]) ?? []
    const code = lines.join('\n')
    return {
      name: file ?? `block${index}`,
      code: /^import /m.test(code) ? code : around(code),
      line: text.slice(0, text.indexOf(body)).split('\n').length,
    }
  })
}
