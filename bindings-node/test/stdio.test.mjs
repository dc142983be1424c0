import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { ClosedError, McpError, ProtocolError, TimeoutError, connect } from 'oxmcp'
import { abortWaiting, fixture, isAlive, serverCommand, timeOutWaiting, until } from './process.mjs'

for (const protocolVersion of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', undefined]) {
  describe(`stdio at ${protocolVersion ?? 'a negotiated revision'}`, () => {
    test('a child process is served and serves', async () => {
      const client = await connect(serverCommand, { protocolVersion, name: 'tester', version: '1' })
      assert.equal(client.protocolVersion, protocolVersion ?? '2026-07-28')
      assert.equal(client.serverInfo.name, 'fixture')
      assert.ok((await client.listTools()).length > 9)
      assert.equal((await client.callTool('add', { a: 20, b: 22 })).text, '42')
      await client.ping()

      const texts = Array.from({ length: 500 }, (_, n) => `line\n${n}\n${'ü'.repeat(n)}`)
      const results = await Promise.all(texts.map((text) => client.callTool('echo', { text })))
      assert.deepEqual(results.map((result) => result.text), texts)

      const seen = []
      await client.callTool('count', { to: 3 }, { onProgress: ({ progress }) => seen.push(progress) })
      assert.deepEqual(seen, [1, 2, 3])

      await abortWaiting(client)
      await timeOutWaiting(client)
      await client.close()
      await client.closed
    })
  })
}

test('what a server prints does not disturb the protocol', async () => {
  const client = await connect({ ...serverCommand, stderr: 'null' })
  assert.equal((await client.callTool('print')).text, 'printed')
  assert.equal((await client.callTool('add', { a: 1, b: 1 })).text, '2')
  await client.close()
})

test('env and cwd reach the child', async () => {
  const script = `
    import { Server } from 'oxmcp'
    const server = new Server({ name: 'env', version: '1' })
    server.tool('env', {}, () => [process.env.OXMCP_TEST, process.env.PATH !== undefined, process.cwd()].join(' '))
    await server.stdio()`
  const cwd = fixture('.').replace(/\/\.?$/, '')
  const client = await connect({
    command: process.execPath,
    args: ['--input-type=module', '--eval', script],
    env: { OXMCP_TEST: 'set here' },
    cwd,
  })
  assert.equal((await client.callTool('env')).text, `set here true ${cwd}`)
  await client.close()
})

test('a server that exits settles every call', async () => {
  const client = await connect(serverCommand)
  const calls = [client.callTool('wait'), client.callTool('exit'), client.listTools(), client.callTool('wait')]
  const outcomes = await Promise.allSettled(calls)
  for (const { reason } of [outcomes[0], outcomes[1], outcomes[3]]) assert.ok(reason instanceof ClosedError, String(reason))
  await client.closed
  await assert.rejects(client.callTool('add', { a: 1, b: 1 }), ClosedError)
  await client.close()
})

test('a program that is no MCP server is an error that says so', async () => {
  await assert.rejects(connect({ command: process.execPath, args: ['--eval', ''] }), McpError)
  const silent = { command: process.execPath, args: ['--eval', 'setTimeout(() => {}, 600000)'] }
  await assert.rejects(connect(silent, { connectTimeout: 300 }), TimeoutError)
})

test('an answer that is no MCP is a ProtocolError', async () => {
  // Answers every request with a result that is no object of any method.
  const script = `
    require('node:readline').createInterface(process.stdin).on('line', (line) => {
      const { id, method } = JSON.parse(line)
      const result = method === 'initialize'
        ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } }
        : 7
      if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }))
    })`
  const target = { command: process.execPath, args: ['--eval', script] }
  const client = await connect(target, { protocolVersion: '2025-11-25' })
  await assert.rejects(client.listTools(), ProtocolError)
  await client.close()
})

test('closing ends the child process', async () => {
  const script = `
    import { Server } from 'oxmcp'
    const server = new Server({ name: 'pid', version: '1' })
    server.tool('pid', {}, () => process.pid)
    await server.stdio()
    setInterval(() => {}, 1000)`
  const client = await connect({ command: process.execPath, args: ['--input-type=module', '--eval', script], cwd: fixture('.') })
  const pid = Number((await client.callTool('pid')).text)
  assert.ok(isAlive(pid))
  await client.close()
  await until(() => !isAlive(pid), 'the end of the child')
})

test('connecting can be abandoned', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oxmcp-abandoned-'))
  const asked = join(folder, 'asked')
  // Says in a file that it was asked something, and never answers.
  const script = `process.stdin.once('data', () => require('node:fs').writeFileSync(${JSON.stringify(asked)}, ''))`
  const silent = { command: process.execPath, args: ['--eval', script] }
  for (const stage of ['begun', 'asked']) {
    const reason = new Error('no more')
    const controller = new AbortController()
    const rejected = assert.rejects(connect(silent, { signal: controller.signal }), (error) => error === reason)
    if (stage === 'asked') await until(() => existsSync(asked), 'the first request')
    controller.abort(reason)
    await rejected
  }
  rmSync(folder, { recursive: true })
})

test('a server survives lines that are no MCP and ends at the end of its input', async () => {
  const child = spawn(process.execPath, [fixture('server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.stdin.write('this is no JSON\n\n{"jsonrpc":"2.0"}\n[1,2\n')
  child.stdin.write(Buffer.from([0xff, 0xfe, 0x0a]))
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 'mine', method: 'initialize', params })}\n`)
  for (;;) {
    const message = JSON.parse((await lines.next()).value)
    if (message.id !== 'mine') continue
    assert.equal(message.result.serverInfo.name, 'fixture')
    break
  }
  child.stdin.end()
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
})
