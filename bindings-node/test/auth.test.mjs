// Clients of a server that wants authorization, and the server.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import {
  InternalError,
  McpError,
  MisuseError,
  Refused,
  Server,
  TimeoutError,
  UnauthorizedError,
  connect,
} from 'oxmcp'
import { guarded, listen, startGrantor } from './fixtures/grantor.mjs'

const redirectUri = 'com.example.app:/authorized'

const pem = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpCVkLZFUnCfZwIJ6
4m/6dbTv1HJpEkdt7jTWo7kpKSShRANCAATH9dN2P4507mI49A83GXRnSRhOayfG
66W2DZ+3AsFe6yTH5H5tmi0WRkEYeiFB+P5IHpFP3Rc1wjMjBYZBVPrZ
-----END PRIVATE KEY-----
`

/** What a tool says to a client that is connected so. */
async function call(url, options, tool = 'who') {
  const client = await connect(url, options)
  try {
    return (await client.callTool(tool)).text
  } finally {
    await client.close()
  }
}

describe('a server that wants authorization', () => {
  let grantor, server, url

  before(async () => {
    grantor = await startGrantor()
    ;({ server, url } = await guarded(grantor))
  })
  after(async () => {
    await server.close()
    grantor.close()
  })

  /** A user who comes back from a window of the program. */
  const inOwnWindow = (onAuthorize, options) => ({
    authorization: { grant: 'code', name: 'Reports', redirectUri, onAuthorize, ...options },
  })

  test('sends a user of the program to who grants access, and again for more', async () => {
    const shown = []
    const show = async (url, signal) => {
      assert.equal(signal.aborted, false)
      shown.push(url)
      return new URL(grantor.approve(url))
    }
    const client = await connect(url, inOwnWindow(show))
    assert.equal((await client.callTool('who')).text, 'ann []')
    assert.equal((await client.callTool('write')).text, 'ann [files:write]')
    await client.close()
    assert.equal(shown.length, 2)
    assert.ok(shown.every((url) => url.startsWith(`${grantor.issuer}/authorize?`)))
    assert.equal(await call(url, inOwnWindow((url) => grantor.approve(url), { scopes: ['a'] })), 'ann [a]')
  })

  test('takes a user back who comes to a port of this machine', async () => {
    const openBrowser = async (url) => assert.equal((await fetch(grantor.approve(url))).status, 200)
    const authorization = { grant: 'code', name: 'Reports', openBrowser }
    assert.equal(await call(url, { authorization }), 'ann []')
  })

  test('hears why a user was not authorized', async () => {
    const cases = [
      [() => { throw new Refused('the window was closed') }, /the window was closed/],
      [async () => { throw new TypeError('there is no window') }, /TypeError: there is no window/],
      [() => undefined, /does not fit/],
    ]
    for (const [onAuthorize, message] of cases) {
      await assert.rejects(connect(url, inOwnWindow(onAuthorize)), (error) => {
        assert.ok(error instanceof UnauthorizedError, error.stack)
        assert.match(error.message, message)
        return true
      })
    }
    await assert.rejects(connect(url, inOwnWindow(() => new Promise(() => {}), { patience: 1 })), TimeoutError)
  })

  test('asks nobody any more when connecting is given up', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    let aborted
    const never = (_, signal) => {
      aborted = once(signal, 'abort')
      abort.abort(reason)
      return new Promise(() => {})
    }
    await assert.rejects(connect(url, { ...inOwnWindow(never), signal: abort.signal }), reason)
    await aborted
  })

  test('lets programs in that speak for themselves, or are vouched for', async () => {
    const me = { clientId: 'nightly', clientSecret: 's3cret' }
    const token = () => 'a-jwt'
    const tokenEndpoint = `${grantor.issuer}/token`
    for (const authorization of [
      { grant: 'clientCredentials', ...me, issuer: grantor.issuer },
      { grant: 'clientCredentials', ...me, tokenEndpointAuthMethod: 'client_secret_post' },
      { grant: 'clientCredentials', clientId: 'nightly', privateKey: { pem, algorithm: 'ES256', keyId: 'k' } },
      { grant: 'workload', client: { ...me, issuer: grantor.issuer }, assertion: token, account: 'importer' },
      { grant: 'enterprise', client: me, tokenEndpoint, idToken: async () => 'a-jwt', identityProviderClient: me },
    ]) {
      assert.equal(await call(url, { authorization: { ...authorization, scopes: ['a'] } }), 'ann [a]')
    }
    const bearer = grantor.askedBy('urn:ietf:params:oauth:grant-type:jwt-bearer')
    assert.deepEqual(bearer.map((form) => form.assertion), ['a-jwt', 'a-grant'])
    assert.equal(grantor.askedBy('client_credentials').at(1).client_secret, 's3cret')
    const [exchange] = grantor.askedBy('urn:ietf:params:oauth:grant-type:token-exchange')
    assert.equal(exchange.subject_token, 'a-jwt')
  })

  test('takes a token that was given', async () => {
    grantor.tokens.set('given', 'a')
    assert.equal(await call(url, { bearerToken: 'given' }), 'ann [a]')
    await assert.rejects(call(url, { bearerToken: 'given' }, 'write'), UnauthorizedError)
    await assert.rejects(call(url, { bearerToken: 's3cret' }), (error) => {
      assert.ok(error instanceof UnauthorizedError && !inspect(error).includes('s3cret'), inspect(error))
      return true
    })
  })

  describe('whose tokens are kept', () => {
    const dir = mkdtempSync(join(tmpdir(), 'oxmcp-tokens-'))
    after(() => rmSync(dir, { recursive: true }))

    class Keychain {
      kept = new Map()
      read(key) { return this.kept.get(key) }
      async write(key, value) { value === null ? this.kept.delete(key) : this.kept.set(key, value) }
    }

    class Shared extends Keychain {
      locks = []
      async lock(key) {
        this.locks.push(`took ${key}`)
        return () => this.locks.push(`let go ${key}`)
      }
    }

    for (const [what, store] of [
      ['in a file', { file: join(dir, 'tokens.json') }],
      ["in a store of the user's", new Keychain()],
    ]) {
      test(`${what} asks for them once`, async () => {
        const before = grantor.askedBy('client_credentials').length
        const authorization = { grant: 'clientCredentials', clientId: 'nightly', clientSecret: 's3cret', store }
        const calls = Array.from({ length: 4 }, () => call(url, { authorization }))
        assert.deepEqual(await Promise.all(calls), Array(4).fill('ann []'))
        assert.equal(await call(url, { authorization }), 'ann []')
        assert.equal(grantor.askedBy('client_credentials').length, before + 1)
      })
    }

    test('in a store with locks holds them meanwhile', async () => {
      const store = new Shared()
      const authorization = { grant: 'clientCredentials', clientId: 'nightly', clientSecret: 's3cret', store }
      assert.equal(await call(url, { authorization }), 'ann []')
      assert.ok(store.locks.length > 0)
      for (let at = 0; at < store.locks.length; at += 2) {
        assert.equal(store.locks[at].replace('took', 'let go'), store.locks[at + 1])
      }
    })

    test('keeps what it has refreshed though connecting was given up', async () => {
      const shown = []
      const onAuthorize = (url) => {
        shown.push(url)
        return grantor.approve(url)
      }
      const options = inOwnWindow(onAuthorize, { store: new Keychain() })
      assert.equal(await call(url, options), 'ann []')
      const isRefreshing = grantor.withdraw()
      const abort = new AbortController()
      const reason = new Error('enough')
      const connecting = assert.rejects(connect(url, { ...options, signal: abort.signal }), reason)
      try {
        await isRefreshing
        abort.abort(reason)
        await connecting
      } finally {
        grantor.resume()
      }
      // It waits for the lock of the store, which is held until the tokens are kept. Without them the user would be asked again.
      assert.equal(await call(url, options), 'ann []')
      assert.equal(shown.length, 1)
    })

    test('in a store that fails hears of it', async () => {
      const broken = { read: () => { throw new Error('the keychain is locked') }, write() {} }
      const odd = { read: () => 53, write() {} }
      for (const [store, message] of [[broken, /the keychain is locked/], [odd, /has read a number/]]) {
        const authorization = { grant: 'clientCredentials', clientId: 'a', clientSecret: 's3cret', store }
        await assert.rejects(call(url, { authorization }), (error) => {
          assert.ok(error instanceof InternalError, inspect(error))
          assert.match(error.message, message)
          return true
        })
      }
    })
  })

  test('asks who knows whose a token is', async () => {
    const seen = []
    const errors = []
    const known = new Server({ name: 'known', version: '1' })
    known.tool('who', {}, (_, { auth }) => void seen.push(auth))
    const verify = (token, resource) => {
      if (token === 'claims') return { sub: 'bob', scope: 'a b', exp: 4102444800, team: resource }
      if (token === 'refused') throw new Refused('it was stolen')
      if (token === 'broken') throw new Error('the database is away')
      if (token === 'odd') return 7
      return null
    }
    const onError = (error) => errors.push(error.message)
    const url = await listen(known, { authorizationServers: [grantor.issuer], verify, onError, scopes: ['a'] })
    await call(url, { bearerToken: 'claims' })
    const claims = { sub: 'bob', scope: 'a b', exp: 4102444800, team: url }
    assert.deepEqual(seen, [{ subject: 'bob', scopes: ['a', 'b'], expiresAt: 4102444800, claims }])
    for (const [bearerToken, message] of [['refused', /it was stolen/], ['unknown', /not known here/]]) {
      await assert.rejects(call(url, { bearerToken }), { name: 'UnauthorizedError', message })
    }
    assert.deepEqual(errors, [])
    for (const bearerToken of ['broken', 'odd']) {
      await assert.rejects(call(url, { bearerToken }), (error) => {
        assert.ok(error instanceof McpError && !error.message.includes('database'), inspect(error))
        assert.match(error.message, /cannot be checked now/)
        return true
      })
    }
    assert.ok(errors.includes('the database is away'))
    const client = await connect(known)
    await client.callTool('who')
    assert.equal(seen.at(-1), undefined)
    await client.close()
    await known.close()
  })

  test('lets scopes imply others, and may want tokens that are bound to a key', async () => {
    const { verify } = grantor
    const implying = await guarded(grantor, { verify, implies: { files: ['files:write'] } })
    const authorization = { grant: 'clientCredentials', clientId: 'a', clientSecret: 'b', scopes: ['files'] }
    assert.equal(await call(implying.url, { authorization }, 'write'), 'ann [files,files:write]')
    await implying.server.close()
    grantor.tokens.set('unbound', '')
    for (const nonce of [{ requireDpopNonce: true }, { dpopNonceKey: '0123456789abcdef0123456789abcdef' }]) {
      const binding = await guarded(grantor, { verify, requireDpop: true, ...nonce })
      await assert.rejects(call(binding.url, { bearerToken: 'unbound' }), /bound to a key/)
      await binding.server.close()
    }
  })

  test('asks the issuer, or checks what it has signed', async () => {
    const client = { clientId: 'files', clientSecret: 's3cret' }
    const introspection = { client, url: `${grantor.issuer}/introspect`, audiences: ['files'], atOnce: 8 }
    grantor.tokens.set('good', 'a')
    const asking = await guarded(grantor, { introspection })
    assert.equal(await call(asking.url, { bearerToken: 'good' }), 'ann [a]')
    await assert.rejects(call(asking.url, { bearerToken: 'bad' }), UnauthorizedError)
    await asking.server.close()
    const checking = await guarded(grantor, { jwt: { algorithms: ['ES256'] } })
    await assert.rejects(call(checking.url, { bearerToken: 'good' }), /no JWT/)
    await checking.server.close()
  })
})

test('what makes no sense is refused, and secrets are not repeated', async () => {
  const url = 'http://127.0.0.1:9/mcp'
  const server = new Server({ name: 's', version: '1' })
  const me = { clientId: 'a', clientSecret: 's3cret' }
  const authorized = (authorization) => connect(url, { authorization })
  const cases = [
    [() => authorized('s3cret'), /authorization is a string; it takes an object with a grant/],
    [() => authorized({ grant: 'password' }), /grant is 'password'; it takes 'code' or 'clientCredentials'/],
    [() => authorized({ grant: 'code', name: 'a', redirectUri }), /redirectUri and onAuthorize go together/],
    [() => authorized({ grant: 'code', name: 'a', clientSecret: 's3cret' }), /has no option clientSecret/],
    [() => authorized({ grant: 'code' }), /name/],
    [() => authorized({ grant: 'code', name: 'a', store: 's3cret' }), /store is a string; it takes \{ file \}/],
    [() => authorized({ grant: 'clientCredentials', ...me, clientSecret: ['s3cret'] }), /clientSecret is a object/],
    [() => authorized({ grant: 'clientCredentials', clientId: 'a', privateKey: 's3cret' }), /privateKey takes/],
    [() => authorized({ grant: 'clientCredentials', clientId: 'a', privateKey: { pem: 's3cret', algorithm: 'ES256' } }), /no private key/],
    [() => authorized({ grant: 'workload', client: 's3cret', assertion: () => '' }), /client takes/],
    [() => connect(url, { bearerToken: 53 }), /bearerToken is a number/],
    [() => connect(url, { bearerToken: 's3cret', authorization: { grant: 'code', name: 'a' } }), /either .bearerToken. or/],
    [() => connect(server, { bearerToken: 's3cret' }), /for a .url./],
    [() => server.listen({ protection: 's3cret' }), /protection takes/],
    [() => server.listen({ protection: { resource: url, authorizationServers: url } }), /one of .jwt., .introspection. and .verify./],
    [() => server.listen({ protection: { resource: url, authorizationServers: url, verify: 's' } }), /takes a function/],
    [() => server.listen({ protection: { resource: url, dpopNonceKey: ['s3cret'] } }), /dpopNonceKey is a object/],
    [() => server.listen({ protection: { resource: url, implies: { a: 'b' } } }), /implies.a is 'b'/],
    [async () => server.tool('a', { scopes: 'b' }, () => 1), /scopes of 'a' is 'b'; it takes an array/],
  ]
  for (const [make, message] of cases) {
    await assert.rejects(make(), (error) => {
      assert.ok(error instanceof MisuseError, inspect(error))
      assert.match(error.message, message)
      assert.ok(!inspect(error).includes('s3cret'), inspect(error))
      return true
    })
  }
  await server.close()
})
