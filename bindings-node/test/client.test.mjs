import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  Client,
  ClosedError,
  ConnectError,
  McpError,
  MisuseError,
  RpcError,
  Server,
  TimeoutError,
  connect,
} from 'oxmcp'
import { makeServer } from './fixtures/server.mjs'
import { abortWaiting, timeOutWaiting, until } from './process.mjs'

for (const protocolVersion of ['2025-11-25', '2026-07-28']) {
  describe(`a client in memory at ${protocolVersion}`, () => {
    const server = makeServer()
    let client

    before(async () => {
      client = await connect(server, { protocolVersion, name: 'tester', version: '3' })
    })
    after(async () => {
      await client.close()
      await server.close()
    })

    test('knows the server', () => {
      assert.equal(client.protocolVersion, protocolVersion)
      assert.equal(client.serverInfo.name, 'fixture')
      assert.equal(client.serverInfo.version, '1.2.3')
      assert.equal(client.instructions, 'Call add.')
      assert.ok(client.capabilities.tools)
    })

    test('lists all tools, or one after another', async () => {
      const tools = await client.listTools()
      assert.ok(tools.length > 9)
      assert.deepEqual(tools.slice(0, 2).map((tool) => tool.name), ['add', 'echo'])
      const names = []
      for await (const tool of client.tools()) names.push(tool.name)
      assert.deepEqual(names, tools.map((tool) => tool.name))
      for await (const tool of client.tools()) {
        assert.equal(tool.description, 'Adds.')
        break
      }
    })

    test('calls tools', async () => {
      assert.equal((await client.callTool('add', { a: 1, b: 2 })).text, '3')
      assert.equal((await client.callTool('picture')).content[1].data, 'AQID')
      assert.deepEqual((await client.callTool('structured', { n: 4 })).structuredContent, { n: 4 })
      assert.equal((await client.callTool('fail')).isError, true)
      await client.ping()
    })

    test('tells the handler who calls', async () => {
      const context = JSON.parse((await client.callTool('context')).text)
      assert.equal(context.client, 'tester')
      assert.equal(context.protocolVersion, protocolVersion)
      assert.ok(['string', 'number'].includes(typeof context.requestId))
    })

    test('makes many calls at once, each with its own answer', async () => {
      const texts = Array.from({ length: 2000 }, (_, n) => `text ${n} ${'x'.repeat(n % 100)}`)
      const results = await Promise.all(texts.map((text) => client.callTool('echo', { text })))
      assert.deepEqual(results.map((result) => result.text), texts)
    })

    test('hears of progress, in order, before the result', async () => {
      const seen = []
      const result = await client.callTool('count', { to: 5 }, { onProgress: (progress) => seen.push(progress) })
      assert.equal(result.text, 'counted')
      assert.deepEqual(seen.map(({ progress }) => progress), [1, 2, 3, 4, 5])
      assert.deepEqual(seen[4], { progress: 5, total: 5, message: 'step 5' })
    })

    test('aborts a call with the reason of the signal, and the handler hears of it', async () => {
      await abortWaiting(client, new Error('my reason'))
      await abortWaiting(client, undefined)

      const reason = new Error('at once')
      const controller = new AbortController()
      const call = client.callTool('wait', {}, { signal: controller.signal })
      // The tick has not ended: the call is not even on its way.
      controller.abort(reason)
      await assert.rejects(call, (error) => error === reason)

      await assert.rejects(client.callTool('wait', {}, { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
    })

    test('does not start a call whose signal is aborted', async () => {
      const reason = { any: 'value' }
      const call = client.callTool('add', { a: 1, b: 2 }, { signal: AbortSignal.abort(reason) })
      await assert.rejects(call, (thrown) => thrown === reason)
    })

    test('leaves no listener on a signal', async () => {
      const { signal } = new AbortController()
      let listeners = 0
      const { addEventListener, removeEventListener } = signal
      signal.addEventListener = (...args) => ((listeners += 1), addEventListener.apply(signal, args))
      signal.removeEventListener = (...args) => ((listeners -= 1), removeEventListener.apply(signal, args))
      await client.callTool('add', { a: 1, b: 2 }, { signal })
      await client.callTool('nothing', {}, { signal }).catch(() => {})
      assert.equal(listeners, 0)
    })

    test('lets many calls share a signal', async () => {
      const warnings = []
      const listener = (warning) => {
        if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning)
      }
      process.on('warning', listener)
      const controller = new AbortController()
      const { signal } = controller
      const quick = Array.from({ length: 50 }, () => client.callTool('add', { a: 1, b: 2 }, { signal }))
      const calls = Promise.allSettled(Array.from({ length: 50 }, () => client.callTool('wait', {}, { signal })))
      await Promise.all(quick)
      controller.abort()
      for (const { reason } of await calls) assert.equal(reason, signal.reason)
      process.off('warning', listener)
      assert.deepEqual(warnings, [])
    })

    test('times out in silence', async () => {
      await assert.rejects(client.callTool('wait', {}, { timeout: 50 }), (error) => {
        assert.ok(error instanceof TimeoutError)
        assert.equal(error.kind, 'Timeout')
        assert.equal(error.name, 'TimeoutError')
        return true
      })
      await timeOutWaiting(client)
    })

    test('lets progress prolong a call, up to its longest time', async () => {
      const onProgress = () => {}
      // On a busy machine a silence may be longer than was asked for: then again, with more time.
      const outlivesItsTimeout = async (timeout) => {
        const call = client.callTool('count', { to: 15, every: timeout / 10 }, { timeout, onProgress })
        return (await call.catch((error) => error)).text === 'counted'
      }
      assert.ok(
        (await outlivesItsTimeout(100)) || (await outlivesItsTimeout(1000)) || (await outlivesItsTimeout(10_000)),
      )
      const capped = client.callTool('count', { to: 1e6, every: 5 }, { timeout: 100_000, maxTimeout: 100, onProgress })
      await assert.rejects(capped, TimeoutError)
    })

    test('an error of the peer has its code', async () => {
      await assert.rejects(client.callTool('no such tool'), (error) => {
        assert.ok(error instanceof RpcError && error instanceof McpError && error instanceof Error)
        assert.equal(error.kind, 'Rpc')
        assert.equal(error.code, -32602)
        assert.match(error.message, /no such tool/)
        return true
      })
    })

    test('an exception of onProgress cancels the call, which rejects with it', async () => {
      const thrown = new Error('from onProgress')
      const onProgress = () => {
        throw thrown
      }
      await assert.rejects(client.callTool('count', { to: 100 }, { onProgress }), (error) => error === thrown)
      const asynchronous = async () => onProgress()
      await assert.rejects(
        client.callTool('count', { to: 100 }, { onProgress: asynchronous }),
        (error) => error === thrown,
      )
      assert.equal((await client.callTool('add', { a: 1, b: 2 })).text, '3')
    })

    test('refuses what is no option', async () => {
      for (const timeout of [0, -1, NaN, '5']) {
        await assert.rejects(client.callTool('add', {}, { timeout }), MisuseError)
      }
      await assert.rejects(client.callTool('add', { n: 1n }), TypeError)
      assert.equal((await client.callTool('add', { a: 1, b: 2 }, { timeout: Infinity, maxTimeout: 1e300 })).text, '3')
    })
  })
}

test('a closed client settles everything and refuses more', async () => {
  const server = makeServer()
  const client = await connect(server)
  const settled = assert.rejects(client.callTool('wait'), ClosedError)
  const closed = client.close()
  await settled
  await closed
  assert.equal(client.close(), closed)
  await assert.rejects(client.callTool('add'), ClosedError)
  await assert.rejects(client.listTools(), ClosedError)
  await server.close()
})

test('closing a server settles the calls to it', async () => {
  const server = makeServer()
  const client = await connect(server)
  let hangs
  const hanging = new Promise((resolve) => (hangs = resolve))
  let reason
  server.tool('hang', {}, (_args, context) => {
    context.signal.addEventListener('abort', () => (reason = context.signal.reason))
    hangs()
    return new Promise(() => {})
  })
  const settled = assert.rejects(client.callTool('hang'), McpError)
  await hanging
  await server.close()
  await settled
  await until(() => reason, 'the abort of the handler')
  assert.equal(reason.kind, 'Cancelled')
  await client.close()
  assert.throws(() => server.tool('late', {}, () => ''), MisuseError)
  await assert.rejects(connect(server), MisuseError)
})

test('a handler that outlives its server finds nobody to tell', async () => {
  const server = makeServer()
  const client = await connect(server)
  let context
  const begun = new Promise((resolve) => {
    server.tool('stay', {}, (_args, given) => {
      context = given
      resolve()
      return new Promise(() => {})
    })
  })
  const settled = assert.rejects(client.callTool('stay', {}, { onProgress() {} }), McpError)
  await begun
  assert.equal(context.progress(1), true)
  await server.close()
  await settled
  assert.equal(context.progress(2), false)
  assert.equal(context.requestId, undefined)
  assert.equal(context.clientInfo, undefined)
  await client.close()
})

test('disposing closes', async () => {
  const server = makeServer()
  const client = await connect(server)
  await client[Symbol.asyncDispose]()
  await assert.rejects(client.ping(), ClosedError)
  await server[Symbol.asyncDispose]()
  await assert.rejects(connect(server), MisuseError)
})

test('two clients of one server do not mix', async () => {
  const server = makeServer()
  const clients = await Promise.all([connect(server, { name: 'a' }), connect(server, { name: 'b' })])
  const names = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => JSON.parse((await clients[n % 2].callTool('context')).text).client),
  )
  assert.deepEqual(names, Array.from({ length: 100 }, (_, n) => 'ab'[n % 2]))
  await Promise.all(clients.map((client) => client.close()))
  await server.close()
})

test('two servers of one process do not mix', async () => {
  const servers = ['x', 'y'].map((name) => {
    const server = new Server({ name, version: '1' })
    return server.tool('who', {}, async () => name)
  })
  const clients = await Promise.all(servers.map((server) => connect(server)))
  const names = await Promise.all(Array.from({ length: 100 }, async (_, n) => (await clients[n % 2].callTool('who')).text))
  assert.deepEqual(names, Array.from({ length: 100 }, (_, n) => 'xy'[n % 2]))
  await Promise.all([...clients, ...servers].map((end) => end.close()))
})

test('tools can be replaced and removed', async () => {
  const server = new Server({ name: 's', version: '1' })
  server.tool('t', { description: 'old' }, () => 'old')
  const client = await connect(server)
  server.tool('t', { description: 'new' }, () => 'new')
  assert.deepEqual((await client.listTools()).map((tool) => tool.description), ['new'])
  assert.equal((await client.callTool('t')).text, 'new')
  assert.equal(server.removeTool('t'), true)
  assert.equal(server.removeTool('t'), false)
  await assert.rejects(client.callTool('t'), RpcError)
  await client.close()
  await server.close()
})

test('connect refuses what is no target or option', async () => {
  const server = makeServer()
  for (const target of ['npx something', new URL('ftp://127.0.0.1/'), 5, null, undefined, {}]) {
    await assert.rejects(connect(target), MisuseError)
  }
  await assert.rejects(connect({ command: 'x', typo: 1 }), MisuseError)
  await assert.rejects(connect(server, { timeout: -1 }), MisuseError)
  await assert.rejects(connect(server, { protocolVersion: '1999-01-01' }), McpError)
  await server.close()
})

test('connect rejects with the reason of its signal', async () => {
  const reason = new Error('changed my mind')
  await assert.rejects(connect('http://127.0.0.1:9/mcp', { signal: AbortSignal.abort(reason) }), (e) => e === reason)
})

test('a command that is not there is a ConnectError', async () => {
  await assert.rejects(connect({ command: '/no/such/program' }), (error) => {
    assert.ok(error instanceof ConnectError)
    assert.match(error.message, /no\/such\/program/)
    return true
  })
})

test('a server needs its options', () => {
  assert.throws(() => new Server({}), MisuseError)
  assert.throws(() => new Server({ name: 'a', version: '1', typo: 1 }), MisuseError)
  assert.throws(() => new Client(), TypeError)
})
