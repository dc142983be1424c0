import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { connect } from 'oxmcp'
import { fixture, runModule, serverCommand } from './process.mjs'

const command = JSON.stringify(serverCommand)

test('a process ends when everything is closed', async () => {
  const { code, stdout } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    server.tool('t', {}, () => 'x')
    const { url } = await server.listen()
    const clients = await Promise.all([connect(server), connect(url), connect(${command})])
    for (const client of clients) await client.listTools()
    for (const client of clients) await client.close()
    await server.close()
    console.log('all closed')`)
  assert.equal(code, 0)
  assert.equal(stdout, 'all closed\n')
})

test('making a server does not keep a process alive', async () => {
  const { code } = await runModule(`
    import { Server } from 'oxmcp'
    new Server({ name: 's', version: '1' }).tool('t', {}, () => 'x')`)
  assert.equal(code, 0)
})

test('a listening server keeps a process alive, and a closed one does not', async () => {
  const { code, stdout } = await runModule(`
    import { Server } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    await server.listen()
    const began = Date.now()
    setTimeout(() => server.close(), 500).unref()
    process.on('exit', () => console.log(Date.now() - began >= 490))`)
  assert.equal(code, 0)
  assert.equal(stdout, 'true\n')
})

test('a connection keeps a process alive until its server ends it', async () => {
  const { code, stdout } = await runModule(`
    import { connect } from 'oxmcp'
    const client = await connect(${command})
    client.closed.then(() => console.log('over'))
    const began = Date.now()
    process.on('exit', () => console.log(Date.now() - began >= 490))
    setTimeout(() => client.callTool('exit').catch((error) => console.log(error.name)), 500).unref()`)
  assert.equal(code, 0)
  assert.deepEqual(stdout.trim().split('\n').sort(), ['ClosedError', 'over', 'true'])
})

test('process.exit ends a process in the midst of everything', async () => {
  const { code } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    server.tool('hang', {}, () => new Promise(() => {}))
    const { url } = await server.listen()
    for (const target of [server, url, ${command}]) {
      const client = await connect(target)
      client.callTool(target.command ? 'wait' : 'hang').catch(() => {})
    }
    setTimeout(() => process.exit(7), 100)`)
  assert.equal(code, 7)
})

test('an exception of a caller is as catchable as any', async () => {
  const { code, stdout } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    server.tool('t', {}, () => 'x')
    const client = await connect(server)
    process.on('uncaughtException', (error) => console.log('caught', error.message))
    client.callTool('t').then(() => { throw new Error('mine') })
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log((await client.callTool('t')).text)
    await client.close()`)
  assert.equal(code, 0)
  assert.equal(stdout, 'caught mine\nx\n')
})

test('workers have servers and clients of their own', async () => {
  const worker = new Worker(new URL('fixtures/worker.mjs', import.meta.url))
  const url = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const client = await connect(url)
  assert.equal((await client.callTool('whoami')).text, 'worker, which calls itself: 3')
  worker.postMessage('close')
  const code = await new Promise((resolve) => worker.once('exit', resolve))
  assert.equal(code, 0)
  await client.close()
})

test('a worker can be terminated in the midst of everything', async () => {
  const first = new Worker(new URL('fixtures/worker.mjs', import.meta.url))
  await first.terminate()
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(new URL('fixtures/worker.mjs', import.meta.url))
    const url = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    const client = await connect(url)
    const calls = Array.from({ length: 20 }, () => client.callTool('whoami', {}, { timeout: 5000 }))
    const outcomes = Promise.allSettled(calls)
    await sleep(round)
    await worker.terminate()
    for (const { status, reason } of await outcomes) {
      if (status === 'rejected') assert.match(reason.name, /Error$/)
    }
    await client.close()
  }
  // This thread's own connections are as good as before.
  const client = await connect({ command: process.execPath, args: [fixture('server.mjs')] })
  assert.equal((await client.callTool('add', { a: 1, b: 2 })).text, '3')
  await client.close()
})

test('a starting server answers fast', async () => {
  const took = []
  for (let round = 0; round < 3; round++) {
    const began = performance.now()
    const client = await connect(serverCommand)
    await client.listTools()
    took.push(performance.now() - began)
    await client.close()
  }
  assert.ok(Math.min(...took) < 2000, `it took ${took} ms`)
})
