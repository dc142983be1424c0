import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as oxmcp from 'oxmcp'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))

/** The strings in an object of objects. */
function leaves(value) {
  return typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves)
}

test('import and require give the same objects', () => {
  const required = require('oxmcp')
  assert.deepEqual(Object.keys(oxmcp).sort(), Object.keys(required).sort())
  for (const name of Object.keys(required)) assert.equal(oxmcp[name], required[name], name)
})

test('importing loads no native code', () => {
  const source = `
    const { Server } = require('oxmcp')
    const native = () => Object.keys(require.cache).filter((path) => path.endsWith('.node')).length
    console.log(native())
    new Server({ name: 's', version: '1' })
    console.log(native())`
  const output = execFileSync(process.execPath, ['--eval', source], { cwd: root, encoding: 'utf8' })
  assert.equal(output, '0\n1\n')
})

test('the package holds what it exports, its types and nothing else', () => {
  const npm = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [{ files }] = JSON.parse(execFileSync('npm', npm, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  const { main, module, types, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const entries = new Set([main, module, types, ...leaves(exports)].map((path) => path.replace('./', '')))
  const declarations = readdirSync(`${root}lib`).map((name) => `dist/types/${name.replace('.ts', '.d.ts')}`)
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    ['README.md', 'native.cjs', ...entries, ...declarations].sort(),
  )
})

test('the lock file names no registry', () => {
  const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'))
  for (const [path, { resolved }] of Object.entries(lock.packages)) assert.equal(resolved, undefined, path)
})

test('the sample compiles, and what must not compile does not', () => {
  const tsc = require.resolve('typescript/package.json').replace('package.json', 'bin/tsc')
  const output = execFileSync(process.execPath, [tsc, '--project', `${root}test/types`], { encoding: 'utf8' })
  assert.equal(output, '')
})

describe('two hundred tools', () => {
  test('are checked by the compiler in little memory', () => {
    const tools = Array.from({ length: 200 }, (_, n) => {
      return `server.tool('t${n}', { inputSchema: z.object({ a${n}: z.number(), b: z.string().optional() }) }, ({ a${n} }) => a${n}.toFixed())`
    })
    const source = `import { Server } from 'oxmcp'\nimport * as z from 'zod'\nconst server = new Server({ name: 's', version: '1' })\n${tools.join('\n')}\n`
    const dir = `${root}test/scratch`
    const { mkdirSync, writeFileSync } = require('node:fs')
    mkdirSync(dir, { recursive: true })
    writeFileSync(`${dir}/many.mts`, source)
    const tsc = require.resolve('typescript/package.json').replace('package.json', 'bin/tsc')
    const output = execFileSync(
      process.execPath,
      [tsc, '--ignoreConfig', '--noEmit', '--strict', '--module', 'node20', '--target', 'es2022', '--extendedDiagnostics', `${dir}/many.mts`],
      { encoding: 'utf8', cwd: dir },
    )
    const used = Number(/Memory used:\s*(\d+)K/.exec(output)?.[1])
    assert.ok(used > 0 && used < 512 * 1024, output)
  })
})
