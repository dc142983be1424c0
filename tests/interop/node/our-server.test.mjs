// Our server under clients of the official TypeScript SDK.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { command, startHttp, until } from './program.mjs'

const modes = { '2025-11-25': 'legacy', '2026-07-28': { pin: '2026-07-28' }, negotiated: 'auto' }

for (const over of ['stdio', 'HTTP']) {
  for (const [revision, mode] of Object.entries(modes)) {
    describe(`official client, our server, ${over}, ${revision}`, () => {
      let http
      let client

      before(async () => {
        http = over === 'HTTP' ? await startHttp('oxmcp-server.mjs', 'http') : undefined
        const transport = http
          ? new StreamableHTTPClientTransport(new URL(http.url))
          : new StdioClientTransport(command('oxmcp-server.mjs', 'stdio'))
        client = new Client({ name: 'official', version: '2.4.0' }, { versionNegotiation: { mode } })
        await client.connect(transport)
      })
      after(async () => {
        await client?.close()
        await http?.stop()
      })

      /** Calls a tool and gives its first text. */
      async function call(name, args = {}, options) {
        const { content } = await client.callTool({ name, arguments: args }, options)
        return content[0].text
      }

      test('the two agree on the revision', () => {
        assert.equal(client.getNegotiatedProtocolVersion(), revision === 'negotiated' ? '2026-07-28' : revision)
        assert.equal(client.getServerVersion().name, 'oxmcp-node')
        assert.equal(client.getInstructions(), 'Call add.')
        assert.ok(client.getServerCapabilities().tools)
      })

      test('tools are listed, page after page', async () => {
        const names = []
        let cursor
        do {
          const page = await client.listTools(cursor === undefined ? undefined : { cursor })
          names.push(...page.tools.map((tool) => tool.name))
          cursor = page.nextCursor
        } while (cursor !== undefined)
        assert.deepEqual(names.sort(), [
          'aborted',
          'add',
          'count',
          'echo',
          'fail',
          'heard',
          'picture',
          'wait',
          'weather',
        ])
      })

      test('tools are called', async () => {
        assert.equal(await call('add', { a: 2, b: 3 }), '5')
        const { content } = await client.callTool({ name: 'picture', arguments: {} })
        assert.deepEqual(content, [
          { type: 'image', data: 'AQID', mimeType: 'image/png' },
          { type: 'audio', data: 'BAUG', mimeType: 'audio/wav' },
          { type: 'resource', resource: { uri: 'test://r', text: 'held', mimeType: 'text/plain' } },
          { type: 'resource_link', uri: 'test://l', name: 'l' },
        ])
        const weather = await client.callTool({ name: 'weather', arguments: { city: 'Bern' } })
        assert.deepEqual(weather.structuredContent, { city: 'Bern', degrees: 21 })
        const failed = await client.callTool({ name: 'fail', arguments: {} })
        assert.equal(failed.isError, true)
        assert.equal(failed.content[0].text, 'it failed')
      })

      test('wrong arguments and unknown tools are errors', async () => {
        const wrong = await client.callTool({ name: 'add', arguments: { a: 'x' } }).catch((error) => error)
        assert.ok(wrong.isError || wrong.code === -32602, JSON.stringify(wrong))
        await assert.rejects(client.callTool({ name: 'no such tool', arguments: {} }), { code: -32602 })
      })

      test('many calls at once each have their own answer', async () => {
        const texts = Array.from({ length: 200 }, (_, n) => `${n} ${'ü'.repeat(n)}`)
        assert.deepEqual(await Promise.all(texts.map((text) => call('echo', { text }))), texts)
      })

      test('progress comes in order', async () => {
        const seen = []
        const told = []
        const onprogress = ({ progress, total, message }) => {
          seen.push([progress, total, message])
          told.push(call('heard'))
        }
        assert.equal(await call('count', { to: 3 }, { onprogress }), 'counted')
        assert.deepEqual(seen, [
          [1, 3, 'step 1'],
          [2, 3, 'step 2'],
          [3, 3, 'step 3'],
        ])
        await Promise.all(told)
      })

      test('a call that the client aborts is aborted at our server', async () => {
        const controller = new AbortController()
        const options = { signal: controller.signal, onprogress: () => controller.abort() }
        await assert.rejects(client.callTool({ name: 'wait', arguments: {} }, options))
        await until(async () => (await call('aborted')) === '1', 'the abort at the server')
      })
    })
  }
}
