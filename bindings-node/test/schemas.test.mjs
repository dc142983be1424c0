import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { MisuseError, RpcError, Server, ValidationError, connect } from 'oxmcp'
import * as v from 'valibot'
import * as z from 'zod'
import * as z3 from 'zod3'

describe('schemas', () => {
  const server = new Server({ name: 'schemas', version: '1' })
  let client

  before(async () => {
    client = await connect(server)
  })
  after(async () => {
    await client.close()
    await server.close()
  })

  /** The tool as it is listed. */
  async function listed(name) {
    return (await client.listTools()).find((tool) => tool.name === name)
  }

  const libraries = {
    zod: z.object({ name: z.string(), age: z.number().optional() }),
    valibot: toStandardJsonSchema(v.object({ name: v.string(), age: v.optional(v.number()) })),
    arktype: type({ name: 'string', 'age?': 'number' }),
  }
  for (const [library, schema] of Object.entries(libraries)) {
    test(`a schema of ${library} is listed as JSON Schema and checks arguments`, async () => {
      server.tool(library, { inputSchema: schema }, (args) => args)
      const { inputSchema } = await listed(library)
      assert.equal(inputSchema.type, 'object')
      assert.equal(inputSchema.properties.name.type, 'string')
      assert.deepEqual(inputSchema.required, ['name'])
      assert.equal((await client.callTool(library, { name: 'Ada' })).text, '{"name":"Ada"}')
      assert.equal((await client.callTool(library, { name: 1 })).isError, true)
      assert.equal((await client.callTool(library, {})).isError, true)
    })
  }

  test('a schema that cannot be converted needs its JSON Schema beside it', async () => {
    const inputSchema = z3.object({ n: z3.number().int() })
    assert.throws(() => server.tool('old', { inputSchema }, () => ''), MisuseError)
    const inputJsonSchema = { type: 'object', properties: { n: { type: 'number' } } }
    server.tool('old', { inputSchema, inputJsonSchema }, ({ n }) => `${n}`)
    assert.deepEqual((await listed('old')).inputSchema.properties, { n: { type: 'number' } })
    assert.equal((await client.callTool('old', { n: 3 })).text, '3')
    const refused = await client.callTool('old', { n: 3.5 })
    assert.equal(refused.isError, true)
    assert.match(refused.text, /^the arguments do not fit the tool: n: /)
  })

  test('defaults and transformations reach the handler', async () => {
    const inputSchema = z.object({
      n: z.number().default(5),
      tags: z
        .string()
        .transform((tags) => tags.split(','))
        .optional(),
    })
    server.tool('transform', { inputSchema }, (args) => args)
    assert.equal((await client.callTool('transform', { tags: 'a,b' })).text, '{"n":5,"tags":["a","b"]}')
    assert.equal((await listed('transform')).inputSchema.properties.tags.type, 'string')
  })

  test('refinements are checked, asynchronous ones too', async () => {
    const inputSchema = z.object({ n: z.number().refine(async (n) => n % 2 === 0, 'must be even') })
    server.tool('even', { inputSchema }, ({ n }) => `${n}`)
    assert.equal((await client.callTool('even', { n: 2 })).text, '2')
    const refused = await client.callTool('even', { n: 3 })
    assert.equal(refused.isError, true)
    assert.equal(refused.text, 'the arguments do not fit the tool: n: must be even')
  })

  test('a structured result is made by its schema, and refused as the core refuses it', async () => {
    const outputSchema = z.object({ n: z.number() })
    server.tool('output', { outputSchema }, ({ n }) => ({ n, secret: 'not in the schema' }))
    assert.equal((await listed('output')).outputSchema.properties.n.type, 'number')
    const result = await client.callTool('output', { n: 1 })
    assert.deepEqual(result.structuredContent, { n: 1 })
    assert.equal(result.text, '{"n":1}')
    const broken = async (args) => {
      const error = await client.callTool('output', args).catch((error) => error)
      assert.ok(error instanceof RpcError)
      assert.equal(error.code, -32603)
      return error.message
    }
    const byLibrary = await broken({ n: 'x' })
    assert.match(byLibrary, /^the tool's result does not meet its outputSchema: n: /)
    // The core's own words, for a schema that it alone checks.
    server.tool('output', { outputSchema: await listed('output').then((tool) => tool.outputSchema) }, (args) => args)
    const byCore = await broken({ n: 'x' })
    assert.equal(byCore.split(': ')[0], byLibrary.split(': ')[0])
    // What JSON Schema cannot say is refused in the same way, whatever the message holds.
    const even = z.object({ n: z.number().refine(async (n) => n % 2 === 0, 'must be even \u001e') })
    server.tool('output', { outputSchema: even }, (args) => args)
    assert.equal(await broken({ n: 3 }), "the tool's result does not meet its outputSchema: n: must be even  ")
    assert.deepEqual((await client.callTool('output', { n: 2 })).structuredContent, { n: 2 })
  })

  test('plain JSON Schema is listed as it is', async () => {
    const inputSchema = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { const: 1 } } }
    const options = {
      title: 'Plain',
      description: 'd',
      inputSchema,
      outputSchema: { type: 'object', required: ['x'] },
      annotations: { readOnlyHint: true },
      icons: [{ src: 'https://example.com/a.png' }],
      _meta: { 'test/a': 1 },
    }
    server.tool('plain', options, () => ({ x: 1 }))
    assert.deepEqual(await listed('plain'), { name: 'plain', ...options })
    assert.equal((await client.callTool('plain', { a: 1 })).text, '{"x":1}')
    assert.equal((await client.callTool('plain', { a: 2 })).isError, true)
  })

  test('a ValidationError tells every issue and where it is', () => {
    const error = new ValidationError('bad', [{ message: 'm', path: ['a', { key: 0 }] }, { message: 'n' }])
    assert.equal(error.message, 'bad: a.0: m; n')
    assert.equal(error.name, 'ValidationError')
  })
})
