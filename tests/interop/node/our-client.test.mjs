// Our client against servers of the official TypeScript SDK.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { TimeoutError, connect } from 'oxmcp'
import { command, startHttp, until } from './program.mjs'

/** Each way to reach the official server: how to start it, and the revision that both agree on without being told. */
const ways = [
  { over: 'stdio', negotiated: '2026-07-28' },
  { over: 'stdio', pinned: '2025-11-25' },
  { over: 'stdio', pinned: '2026-07-28' },
  { over: 'HTTP', kind: 'http', negotiated: '2026-07-28' },
  { over: 'HTTP', kind: 'http', pinned: '2026-07-28' },
  { over: 'HTTP', kind: 'http-sessions', negotiated: '2025-11-25' },
  { over: 'HTTP', kind: 'http-sessions', pinned: '2025-11-25' },
]

for (const { over, kind, negotiated, pinned } of ways) {
  describe(`our client, official server, ${over}, ${pinned ?? `${negotiated} negotiated`}`, () => {
    let http
    let client

    before(async () => {
      http = over === 'HTTP' ? await startHttp('official-server.mjs', kind) : undefined
      const target = http?.url ?? command('official-server.mjs', 'stdio')
      client = await connect(target, { protocolVersion: pinned })
    })
    after(async () => {
      await client?.close()
      await http?.stop()
    })

    test('the two agree on the revision', async () => {
      assert.equal(client.protocolVersion, pinned ?? negotiated)
      assert.equal(client.serverInfo.name, 'official')
      assert.equal(client.instructions, 'Call add.')
      await client.ping()
    })

    test('tools are listed', async () => {
      const tools = await client.listTools()
      assert.deepEqual(tools.map((tool) => tool.name).sort(), [
        'add',
        'count',
        'echo',
        'fail',
        'picture',
        'wait',
        'waits',
        'weather',
      ])
      assert.deepEqual(tools.find((tool) => tool.name === 'add').inputSchema.required, ['a', 'b'])
    })

    test('tools are called', async () => {
      assert.equal((await client.callTool('add', { a: 2, b: 3 })).text, '5')
      const kinds = (await client.callTool('picture')).content.map((block) => block.type)
      assert.deepEqual(kinds, ['image', 'audio', 'resource', 'resource_link'])
      const weather = await client.callTool('weather', { city: 'Bern' })
      assert.deepEqual(weather.structuredContent, { city: 'Bern', degrees: 21 })
      const failed = await client.callTool('fail')
      assert.equal(failed.isError, true)
      assert.match(failed.text, /it failed/)
    })

    test('wrong arguments and unknown tools are errors', async () => {
      const outcomes = await Promise.allSettled([client.callTool('add', { a: 'x' }), client.callTool('no such tool')])
      for (const { value, reason } of outcomes) assert.ok(value ? value.isError : reason.code === -32602, String(reason))
    })

    test('many calls at once each have their own answer', async () => {
      const texts = Array.from({ length: 200 }, (_, n) => `${n} ${'ü'.repeat(n)}`)
      const results = await Promise.all(texts.map((text) => client.callTool('echo', { text })))
      assert.deepEqual(results.map((result) => result.text), texts)
    })

    test('progress comes in order', async () => {
      const seen = []
      const result = await client.callTool('count', { to: 4 }, { onProgress: (progress) => seen.push(progress) })
      assert.equal(result.text, 'counted')
      assert.deepEqual(seen.map(({ progress, total, message }) => [progress, total, message]), [
        [1, 4, 'step 1'],
        [2, 4, 'step 2'],
        [3, 4, 'step 3'],
        [4, 4, 'step 4'],
      ])
    })

    test('an aborted call, and one that times out, are aborted at the server', async () => {
      const waits = async () => JSON.parse((await client.callTool('waits')).text)
      const allAborted = async () => {
        const { begun, aborted } = await waits()
        return begun === aborted
      }

      const controller = new AbortController()
      const options = { signal: controller.signal, onProgress: () => controller.abort() }
      await assert.rejects(client.callTool('wait', {}, options), { name: 'AbortError' })
      assert.equal((await waits()).begun, 1)
      await until(allAborted, 'the abort at the server')

      // On a busy machine a call may time out before it has begun: then again, with more time.
      for (let timeout = 50; (await waits()).begun === 1; timeout *= 2) {
        await assert.rejects(client.callTool('wait', {}, { timeout }), TimeoutError)
      }
      await until(allAborted, 'the abort at the server')
    })
  })
}
