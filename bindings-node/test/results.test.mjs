import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RpcError, Server, ToolError, audio, connect, image, resource, resourceLink, text } from 'oxmcp'
import * as z from 'zod'

describe('what a handler returns', () => {
  const server = new Server({ name: 'results', version: '1' })
  const thrown = []
  let client

  before(async () => {
    client = await connect(server)
  })
  after(async () => {
    await client.close()
    await server.close()
  })

  /** The result of a tool whose handler is `handler`. */
  async function resultOf(handler, options = {}) {
    server.tool('tool', options, handler)
    return await client.callTool('tool')
  }

  const anyOutput = { outputSchema: { type: 'object' } }

  test('a string is one text block and nothing else', async () => {
    const result = await resultOf(() => 'hello')
    assert.deepEqual(result.content, [{ type: 'text', text: 'hello' }])
    assert.equal(result.structuredContent, undefined)
    assert.equal(result.isError, false)
    assert.equal(result.text, 'hello')
  })

  test('any text comes through as it is', async () => {
    for (const value of ['', 'a\nb\r\n', 'quote " and \\ and \u0000', 'record \u001e separator', 'grüße', '日本 🎈', ' ']) {
      assert.equal((await resultOf(() => value)).text, value)
      assert.equal((await resultOf(async () => value)).text, value)
    }
  })

  test('a large text comes through', async () => {
    const value = 'ä'.repeat(3_000_000)
    assert.equal((await resultOf(() => value)).text === value, true)
  })

  test('nothing is a result without content', async () => {
    assert.deepEqual((await resultOf(() => undefined)).content, [])
    assert.deepEqual((await resultOf(async () => null)).content, [])
  })

  test('a content block is a result of that block', async () => {
    const link = resourceLink('file:///a', 'a', { mimeType: 'text/plain' })
    assert.deepEqual((await resultOf(() => link)).content, [
      { type: 'resource_link', uri: 'file:///a', name: 'a', mimeType: 'text/plain' },
    ])
  })

  test('blocks and strings in an array are the blocks of the result', async () => {
    const bytes = Buffer.from('bytes')
    const result = await resultOf(() => [
      'one',
      text('two', { annotations: { priority: 1 } }),
      image(bytes, 'image/png'),
      audio(bytes.toString('base64'), 'audio/wav'),
      resource('test://a', 'text'),
      resource('test://b', new Uint8Array(bytes), 'application/octet-stream'),
    ])
    const data = bytes.toString('base64')
    assert.deepEqual(result.content, [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two', annotations: { priority: 1 } },
      { type: 'image', data, mimeType: 'image/png' },
      { type: 'audio', data, mimeType: 'audio/wav' },
      { type: 'resource', resource: { uri: 'test://a', text: 'text' } },
      { type: 'resource', resource: { uri: 'test://b', mimeType: 'application/octet-stream', blob: data } },
    ])
    assert.equal(result.text, 'one\ntwo')
  })

  test('a full result passes through, metadata and isError included', async () => {
    const result = await resultOf(() => ({ content: [text('no')], isError: true, _meta: { 'test/x': 1 } }))
    assert.deepEqual(result.content, [{ type: 'text', text: 'no' }])
    assert.equal(result.isError, true)
    assert.deepEqual(result._meta?.['test/x'], 1)
  })

  test('other values are their JSON text when there is no output schema', async () => {
    assert.equal((await resultOf(() => ({ a: [1, 'x'] }))).text, '{"a":[1,"x"]}')
    assert.equal((await resultOf(() => 7)).text, '7')
    assert.equal((await resultOf(() => [1, 2])).text, '[1,2]')
    assert.equal((await resultOf(() => ({ a: 1 }))).structuredContent, undefined)
  })

  test('with an output schema a value is the structured result and its JSON text', async () => {
    const result = await resultOf(() => ({ n: 1, list: ['ü'] }), anyOutput)
    assert.deepEqual(result.structuredContent, { n: 1, list: ['ü'] })
    assert.deepEqual(JSON.parse(result.text), { n: 1, list: ['ü'] })
  })

  test('with an output schema even something shaped like a block is data', async () => {
    const result = await resultOf(() => ({ type: 'text', text: 'data' }), anyOutput)
    assert.deepEqual(result.structuredContent, { type: 'text', text: 'data' })
  })

  test('a structured result that breaks its JSON Schema never reaches the client', async () => {
    const outputSchema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }
    assert.deepEqual((await resultOf(() => ({ n: 1 }), { outputSchema })).structuredContent, { n: 1 })
    await assert.rejects(resultOf(() => ({ n: 'x' }), { outputSchema }), RpcError)
    const full = () => ({ content: [], structuredContent: {} })
    await assert.rejects(resultOf(full, { outputSchema }), RpcError)
  })

  test('what has no JSON is a tool error', async () => {
    for (const value of [() => {}, 1n, Symbol('s')]) {
      const result = await resultOf(() => value)
      assert.equal(result.isError, true)
      assert.notEqual(result.text, '')
    }
    const loop = {}
    loop.loop = loop
    assert.match((await resultOf(() => loop)).text, /circular/i)
  })

  test('with an output schema, a handler owes a result', async () => {
    const broken = { name: 'RpcError', code: -32603, message: /outputSchema: the handler returned undefined$/ }
    await assert.rejects(resultOf(() => undefined, anyOutput), broken)
  })

  test('what a handler throws is a tool error with its message', async () => {
    const result = await resultOf(() => {
      throw new RangeError('too far')
    })
    assert.equal(result.isError, true)
    assert.deepEqual(result.content, [{ type: 'text', text: 'too far' }])
    assert.equal((await resultOf(() => Promise.reject(new Error('later')))).text, 'later')
    assert.equal((await resultOf(() => Promise.reject('a string'))).text, 'a string')
    assert.equal((await resultOf(() => Promise.reject(Object.create(null)))).text, 'the tool failed')
    assert.equal((await resultOf(() => Promise.reject())).text, 'undefined')
  })

  test('a ToolError can carry content blocks', async () => {
    const result = await resultOf(() => {
      throw new ToolError([text('see'), image('AA==', 'image/png')])
    })
    assert.equal(result.isError, true)
    assert.equal(result.content.length, 2)
    assert.equal(new ToolError([text('see')]).message, 'see')
  })

  test('a thenable whose then throws is a tool error', async () => {
    const result = await resultOf(() => ({
      then() {
        throw new Error('then threw')
      },
    }))
    assert.equal(result.text, 'then threw')
    assert.equal(result.isError, true)
  })

  test('onError is told of a result that breaks its output schema', async () => {
    const told = []
    const server = new Server({ name: 'told', version: '1', onError: (error, tool) => told.push([error.name, tool]) })
    server.tool('broken', { outputSchema: z.object({ n: z.number() }) }, () => ({ n: 'x' }))
    const client = await connect(server)
    await assert.rejects(client.callTool('broken'), RpcError)
    assert.deepEqual(told, [['ValidationError', 'broken']])
    await client.close()
    await server.close()
  })

  test('onError is told what handlers throw, and may throw itself', async () => {
    const noisy = new Server({
      name: 'noisy',
      version: '1',
      onError(error, tool) {
        thrown.push([error.message, tool])
        throw new Error('onError threw')
      },
    })
    noisy.tool('bad', {}, () => {
      throw new Error('oh')
    })
    const warned = new Promise((resolve) => {
      process.on('warning', function listener(warning) {
        if (!/onError threw/.test(warning.message)) return
        process.off('warning', listener)
        resolve()
      })
    })
    const client = await connect(noisy)
    assert.equal((await client.callTool('bad')).text, 'oh')
    assert.deepEqual(thrown, [['oh', 'bad']])
    await warned
    await client.close()
    await noisy.close()
  })
})
