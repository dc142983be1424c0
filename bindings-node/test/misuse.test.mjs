// What is wrong in a call is told where it is made, in the words of this package.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MisuseError, Server, connect } from 'oxmcp'
import * as z from 'zod'

/** Whether an error is a misuse whose message is `message`, or matches it. */
function misuse(message) {
  return (error) => {
    assert.ok(error instanceof MisuseError, `${error.stack}`)
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return true
  }
}

describe('misuse', () => {
  const server = new Server({ name: 's', version: '1' })
  let client

  before(async () => {
    client = await connect(server)
  })
  after(async () => {
    await client.close()
    await server.close()
  })

  test('a tool needs its handler as the third argument', async () => {
    const cases = [
      ['y', {}],
      ['w', () => 1],
      ['two', 'A description', () => 1],
      ['sdk', 'A description', { a: z.string() }, () => 1],
      ['swapped', () => 1, {}],
      ['null', {}, null],
    ]
    for (const args of cases) assert.throws(() => server.tool(...args), misuse(/handler.* the third argument$/))
    assert.throws(() => server.tool(5, {}, () => 1), misuse('server.tool: the name of the tool is 5; it takes a string'))
    assert.throws(() => server.removeTool(5), misuse(/is 5; it takes a string$/))
    assert.deepEqual(await client.listTools(), [])
  })

  test('a definition is checked', () => {
    const define = (options) => () => server.tool('t', options, () => 1)
    assert.throws(define({ description: 5 }), misuse("server.tool: the description of 't' is 5; it takes a string"))
    assert.throws(define({ _meta: [] }), misuse(/the _meta of 't' is \[\]; it takes an object$/))
    assert.throws(define({ inputSchema: 5 }), misuse(/^inputSchema is 5; /))
    assert.throws(define({ inputSchema: { a: z.string() } }), misuse(/member a is .*wrap it in z\.object\(\.\.\.\)/))
    assert.throws(define({ outputSchema: { a: z.string() } }), misuse(/^outputSchema .*wrap it in z\.object\(\.\.\.\)/))
    assert.throws(define({ icons: [{}] }), misuse("the tool's definition cannot be used: missing field `src`"))
  })

  test('a server needs a name and a version', () => {
    for (const [args, given] of [[[], 'undefined'], [['a'], "'a'"], [[{ name: 'a' }], "{ name: 'a' }"]]) {
      assert.throws(
        () => new Server(...args),
        misuse(
          `new Server was given ${given}; it takes at least a name and a version, ` +
            "as new Server({ name: 'demo', version: '1.0.0' })",
        ),
      )
    }
    assert.throws(() => new Server({ name: 'a', version: 1 }), misuse('new Server: version is 1; it takes a string'))
    assert.throws(() => new Server({ name: 'a', version: '1', pageSize: 0 }), misuse(/pageSize is 0; .* above 0$/))
    assert.throws(() => new Server({ name: 'a', version: '1', onError: 1 }), misuse(/onError is 1; it takes a function$/))
  })

  test('listening names its options, and what they take', async () => {
    const cases = [
      [8175, /^server\.listen takes its options as an object \(port, host, .*\); it was given 8175$/],
      [null, /it was given null$/],
      [{ port: 99_999 }, 'server.listen: port is 99999; it takes a whole number from 0 to 65535'],
      [{ port: '80' }, "server.listen: port is '80'; it takes a whole number from 0 to 65535"],
      [{ allowedHosts: 'a' }, "server.listen: allowedHosts is 'a'; it takes an array of strings"],
      [{ allowedOrigins: ['http://a', 5] }, 'server.listen: allowedOrigins[1] is 5; it takes a string'],
      [{ Port: 1 }, /^server\.listen has no option Port; it takes port, /],
      [{ host: '0.0.0.0' }, /; say in allowedHosts by which names/],
      [{ allowedHosts: ['http://a/b'] }, /in allowedHosts is no host/],
    ]
    for (const [options, message] of cases) await assert.rejects(server.listen(options), misuse(message))
  })

  test('a target takes its own options, and no others', async () => {
    const cases = [
      [{ command: 'x', args: 'x' }, "connect({command}): args is 'x'; it takes an array of strings"],
      [{ command: 'x', env: { A: 1 } }, 'connect({command}): env.A is 1; it takes a string'],
      [{ command: 'x', stderr: 'pipe' }, "connect({command}): stderr is 'pipe'; it takes 'inherit' or 'null'"],
      [{ command: 'x', headers: {} }, /^connect\({command}\) has no option headers; it takes command, args, /],
      [{ url: 'http://127.0.0.1:9', env: {} }, 'connect({url}) has no option env; it takes url, headers'],
      [{ url: 'http://127.0.0.1:9', cwd: '/' }, /has no option cwd/],
      [{ url: 'http://127.0.0.1:9', headers: { a: 1 } }, 'connect({url}): headers.a is 1; it takes a string'],
      [5, /^connect takes a URL, .* or a Server; it was given 5$/],
    ]
    for (const [target, message] of cases) await assert.rejects(connect(target), misuse(message))
  })

  test('connecting names its options, and what they take', async () => {
    const cases = [
      [{ env: {} }, /^connect has no option env; it takes signal, /],
      [{ headers: {} }, /^connect has no option headers/],
      [{ timeout: '5' }, "connect: timeout is '5'; it takes a positive number of milliseconds"],
      [{ connectTimeout: 0 }, 'connect: connectTimeout is 0; it takes a positive number of milliseconds'],
      [{ signal: 5 }, 'connect: signal is 5; it takes an AbortSignal'],
      [{ name: 5 }, 'connect: name is 5; it takes a string'],
      [{ maxMessageBytes: 1.5 }, 'connect: maxMessageBytes is 1.5; it takes a whole number above 0'],
      ['x', /as an object .* it was given 'x'$/],
    ]
    for (const [options, message] of cases) await assert.rejects(connect(server, options), misuse(message))
  })

  test('a call is checked before it is sent', async () => {
    const cases = [
      [[5], 'callTool: the name of the tool is 5; it takes a string'],
      [[], 'callTool: the name of the tool is undefined; it takes a string'],
      [['greet', [1]], "callTool: the arguments of 'greet' are [ 1 ]; they are an object, as {name: value}"],
      [['greet', 'x'], /the arguments of 'greet' are 'x'/],
      [['greet', {}, 5], /^the options of a call are an object \(signal, .*\); they were given as 5$/],
      [['greet', {}, { timeout: '5' }], "timeout is '5'; it takes a positive number of milliseconds"],
      [['greet', {}, { signal: 5 }], 'signal is 5; it takes an AbortSignal'],
      [['greet', {}, { onProgress: 5 }], 'onProgress is 5; it takes a function'],
    ]
    for (const [args, message] of cases) await assert.rejects(client.callTool(...args), misuse(message))
    await assert.rejects(client.listTools(5), misuse(/^the options of a call/))
  })

  test('progress is checked', async () => {
    const cases = [
      [['x'], "context.progress: progress is 'x'; it takes a number"],
      [[1, '2'], "context.progress: total is '2'; it takes a number"],
      [[1, 2, 3], 'context.progress: message is 3; it takes a string'],
    ]
    for (const [args, message] of cases) {
      const progressed = new Promise((resolve, reject) => {
        server.tool('progress', {}, async (_args, context) => {
          try {
            resolve(context.progress(...args))
          } catch (error) {
            reject(error)
          }
        })
      })
      await Promise.all([assert.rejects(progressed, misuse(message)), client.callTool('progress')])
    }
  })
})
