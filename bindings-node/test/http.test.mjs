import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  ConnectError,
  McpError,
  MisuseError,
  UnauthorizedError,
  connect,
} from 'oxmcp'
import { makeServer } from './fixtures/server.mjs'
import { abortWaiting, startHttpServer, timeOutWaiting } from './process.mjs'

for (const protocolVersion of ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', undefined]) {
  describe(`HTTP at ${protocolVersion ?? 'a negotiated revision'}`, () => {
    const server = makeServer()
    let client

    before(async () => {
      const { url, host, port } = await server.listen()
      assert.equal(url, `http://${host}:${port}/mcp`)
      client = await connect(url, { protocolVersion, name: 'tester', version: '1' })
    })
    after(async () => {
      await client.close()
      await server.close()
    })

    test('serves and is served', async () => {
      assert.equal(client.protocolVersion, protocolVersion ?? '2026-07-28')
      assert.equal(client.serverInfo.name, 'fixture')
      assert.ok((await client.listTools()).length > 9)
      assert.equal((await client.callTool('add', { a: 20, b: 22 })).text, '42')
      assert.deepEqual((await client.callTool('structured')).structuredContent, { n: 1 })
      assert.equal((await client.callTool('fail')).isError, true)
      await client.ping()
    })

    test('makes many calls at once', async () => {
      const texts = Array.from({ length: 300 }, (_, n) => `text ${n} ${'ü'.repeat(n)}`)
      const results = await Promise.all(texts.map((text) => client.callTool('echo', { text })))
      assert.deepEqual(results.map((result) => result.text), texts)
    })

    test('carries progress, cancellation and timeouts', async () => {
      const seen = []
      await client.callTool('count', { to: 3 }, { onProgress: ({ progress }) => seen.push(progress) })
      assert.deepEqual(seen, [1, 2, 3])
      await abortWaiting(client)
      await timeOutWaiting(client)
    })
  })
}

test('a server process that dies settles the calls to it', async () => {
  const server = await startHttpServer()
  const client = await connect(server.url)
  let killed
  const settled = assert.rejects(client.callTool('wait', {}, { onProgress: () => (killed = server.kill()) }), McpError)
  await settled
  await killed
  await assert.rejects(client.callTool('add', { a: 1, b: 1 }), McpError)
  await client.close()
})

test('nobody at the address is a ConnectError', async () => {
  await assert.rejects(connect('http://127.0.0.1:9/mcp'), ConnectError)
})

test('a server that wants authorization is an UnauthorizedError', async () => {
  const server = createServer((_request, response) => response.writeHead(401).end())
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await assert.rejects(connect(`http://127.0.0.1:${server.address().port}/`), UnauthorizedError)
  } finally {
    server.close()
  }
})

test('headers go with every request', async () => {
  const seen = []
  const server = createServer((request, response) => {
    seen.push(request.headers['x-test'])
    response.writeHead(404).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = new URL(`http://127.0.0.1:${server.address().port}/mcp`)
    await assert.rejects(connect({ url, headers: { 'x-test': 'here' } }), McpError)
    assert.ok(seen.length > 0)
    assert.deepEqual(new Set(seen), new Set(['here']))
  } finally {
    server.close()
  }
})

test('a foreign Host or Origin is refused, unless it is allowed', async () => {
  const server = makeServer()
  const strict = await server.listen()
  const open = await server.listen({ allowedHosts: ['mcp.example.com'], allowedOrigins: ['https://app.example.com'] })
  assert.equal(await statusOf(strict, {}), 200)
  assert.equal(await statusOf(strict, { host: 'evil.example.com' }), 403)
  assert.equal(await statusOf(strict, { origin: 'https://evil.example.com' }), 403)
  assert.equal(await statusOf(open, { host: 'mcp.example.com', origin: 'https://app.example.com' }), 200)
  assert.equal(await statusOf(open, { host: 'evil.example.com' }), 403)
  await server.close()
})

test('the path is the one asked for', async () => {
  const server = makeServer()
  const address = await server.listen({ path: '/deep/endpoint' })
  assert.ok(address.url.endsWith('/deep/endpoint'))
  const client = await connect(address.url)
  assert.equal((await client.callTool('add', { a: 1, b: 2 })).text, '3')
  await client.close()
  assert.equal(await statusOf({ ...address, url: address.url.replace('/deep/endpoint', '/mcp') }, {}), 404)
  await server.close()
})

test('an address that cannot be had, or is open to others, is refused', async () => {
  const server = makeServer()
  const { port } = await server.listen()
  await assert.rejects(server.listen({ port }), ConnectError)
  await assert.rejects(server.listen({ host: '0.0.0.0' }), MisuseError)
  await assert.rejects(server.listen({ port: 'x' }), MisuseError)
  await server.close()
  await assert.rejects(server.listen(), MisuseError)
})

test('a closed server no longer listens', async () => {
  const server = makeServer()
  const { url } = await server.listen()
  const client = await connect(url)
  await server.close()
  await assert.rejects(client.callTool('add', { a: 1, b: 2 }), McpError)
  await client.close()
  await assert.rejects(connect(url), ConnectError)
})

/** The HTTP status of a `tools/list`, sent with some headers. */
function statusOf({ url }, headers) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/list',
    params: {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  })
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/list',
        ...headers,
      },
    }
    request(url, options, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end(body)
  })
}
