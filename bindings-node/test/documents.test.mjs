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

const documents = ['../docs/node.md', 'README.md', ...readdirSync(join(root, 'lib')).map((name) => `lib/${name}`)]

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
${code}
}
await client.close()
await server.close()
`

/** Ends the process where an assertion of the code does not hold: console.assert only prints. */
const strictAssert = "console.assert = (holds) => { if (!holds) throw new Error('an assertion does not hold') }\n"

for (const document of documents) {
  const blocks = codeOf(readFileSync(join(root, document), 'utf8'))
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
        })
        assert.equal(status, 0, stdout + stderr)
        if (name === 'client') assert.ok(stdout.endsWith('3\n'), stdout)
      })
    }
  })
}

/** The TypeScript of a document: of Markdown, or of its comments. */
function codeOf(text) {
  const fences = /^([ *]*)```ts\n([\s\S]*?)^[ *]*```$/gm
  return [...text.matchAll(fences)].map(([, prefix, body], index) => {
    const lines = body.split('\n').map((line) => line.slice(prefix.length))
    const [, file] = /^\/\/ (\w+)\.ts$/.exec(lines[0]) ?? []
    const code = lines.join('\n')
    return {
      name: file ?? `block${index}`,
      code: /^import /m.test(code) ? code : surroundings(code.replace(/^const server = .*$/m, '')),
      line: text.slice(0, text.indexOf(body)).split('\n').length,
    }
  })
}
