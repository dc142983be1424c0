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
    // It runs only if something else keeps the process alive.
    setTimeout(() => server.close().then(() => console.log('closed')), 200).unref()`)
  assert.equal(code, 0)
  assert.equal(stdout, 'closed\n')
})

test('a connection keeps a process alive until its server ends it', async () => {
  const { code, stdout } = await runModule(`
    import { connect } from 'oxmcp'
    const client = await connect(${command})
    client.closed.then(() => console.log('over'))
    // It runs only if something else keeps the process alive.
    setTimeout(() => client.callTool('exit').catch((error) => console.log(error.name)), 200).unref()`)
  assert.equal(code, 0)
  assert.deepEqual(stdout.trim().split('\n').sort(), ['ClosedError', 'over'])
})

// Whatever may be asked of a client whose connection is over, one after another: each is a chance to end too early.
const askedInVain = `
  for (let round = 0; round < 20; round++) {
    const asked = [
      () => client.listTools(),
      () => client.ping(),
      () => client.callTool('t', {}, { timeout: 60_000, onProgress() {} }),
      () => client.tools().next(),
    ]
    for (const ask of asked) await ask().then(() => names.add('an answer'), (error) => names.add(error.name))
  }`

test('what is asked after the server has died keeps the process alive until it is settled', async () => {
  const { code, stdout, stderr } = await runModule(`
    import { connect } from 'oxmcp'
    const names = new Set()
    const client = await connect(${command})
    await client.callTool('exit').catch(() => {})
    await client.closed
    ${askedInVain}
    await client.close()
    console.log([...names].join())`)
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'ClosedError\n')
})

test('what is asked after the server was closed keeps the process alive until it is settled', async () => {
  const { code, stdout, stderr } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const names = new Set()
    const server = new Server({ name: 's', version: '1' })
    const client = await connect(server)
    await server.close()
    await client.closed
    ${askedInVain}
    await client.close()
    console.log([...names].join())
    names.clear()
    ${askedInVain}
    for (const operation of [() => connect(server), () => server.listen(), () => server.stdio()]) {
      await operation().catch((error) => names.add(error.name))
    }
    await server.close()
    console.log([...names].join())`)
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'ClosedError\nClosedError,MisuseError\n')
})

test('process.exit ends a process in the midst of everything', async () => {
  const { code } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    server.tool('wait', {}, (args, context) => {
      context.progress(1)
      return new Promise(() => {})
    })
    const { url } = await server.listen()
    const begun = [server, url, ${command}].map(async (target) => {
      const client = await connect(target)
      await new Promise((onProgress) => client.callTool('wait', {}, { onProgress }).catch(() => {}))
    })
    await Promise.all(begun)
    process.exit(7)`)
  assert.equal(code, 7)
})

test('an exception of a caller is as catchable as any', async () => {
  const { code, stdout } = await runModule(`
    import { Server, connect } from 'oxmcp'
    const server = new Server({ name: 's', version: '1' })
    server.tool('t', {}, () => 'x')
    const client = await connect(server)
    const caught = new Promise((resolve) => process.on('uncaughtException', resolve))
    client.callTool('t').then(() => { throw new Error('mine') })
    console.log('caught', (await caught).message)
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
    const calls = Array.from({ length: 20 }, () => client.callTool('whoami'))
    const outcomes = Promise.allSettled(calls)
    // At another moment each time.
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
