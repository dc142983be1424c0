// Runs the example programs against each other. They are installed with `npm ci` in examples/node.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { firstLine } from './process.mjs'

const server = fileURLToPath(new URL('../../examples/node/server.mjs', import.meta.url))
const client = fileURLToPath(new URL('../../examples/node/client.mjs', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'oxmcp-examples-'))
writeFileSync(join(folder, 'b.md'), 'no\nlooked for\n')
writeFileSync(join(folder, 'a.md'), 'looked for, too')
after(() => rmSync(folder, { recursive: true }))

/** Runs the example client. */
function call(tool, args, ...target) {
  return spawnSync(process.execPath, [client, tool, JSON.stringify(args), ...target], { encoding: 'utf8', timeout: 100_000 })
}

test('the example client calls the example server over stdio', () => {
  const { stdout, stderr, status } = call('find_text', { folder, text: 'looked for' }, process.execPath, server)
  assert.equal(
    stdout,
    'server: text-facts 0.1.0, revision 2026-07-28\ntools: count_words, find_text\n' +
      'progress: 1/2 a.md\nprogress: 2/2 b.md\na.md:1: looked for, too\nb.md:2: looked for\n',
    stderr,
  )
  assert.equal(status, 0)
})

test('the example server counts', () => {
  const expected = [
    ['', { lines: 0, words: 0, characters: 0 }],
    ['one', { lines: 1, words: 1, characters: 3 }],
    ['one two\nthree\n', { lines: 2, words: 3, characters: 14 }],
    ['\u{1F388} \n\nb', { lines: 3, words: 2, characters: 5 }],
  ]
  for (const [text, facts] of expected) {
    const { stdout, stderr } = call('count_words', { text }, process.execPath, server)
    assert.deepEqual(JSON.parse(stdout.trim().split('\n').at(-1)), facts, stderr)
  }
})

test('the example server listens with --port, and the client says what fails', async () => {
  const child = spawn(process.execPath, [server, '--port', '0'], { stdio: ['ignore', 'inherit', 'pipe'] })
  try {
    const url = /http:\S+/.exec(await firstLine(child.stderr))[0]
    const good = call('count_words', { text: 'a b' }, url)
    assert.equal(good.status, 0, good.stderr)
    assert.match(good.stdout, /"words":2/)
    const bad = call('find_text', { folder: join(folder, 'missing'), text: 'x' }, url)
    assert.equal(bad.status, 1)
    assert.match(bad.stderr, /cannot read the folder/)
  } finally {
    child.kill()
    await once(child, 'close')
  }
  const nobody = call('count_words', {}, 'http://127.0.0.1:9/mcp')
  assert.equal(nobody.status, 1)
  assert.match(nobody.stderr, /^ConnectError: /)
})
