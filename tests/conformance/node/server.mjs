// The server that the official conformance suite drives. usage: server.mjs --port N

import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server, audio, image, resource, text } from '../../../bindings-node/dist/index.mjs'

const { values } = parseArgs({ options: { port: { type: 'string' } } })

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
/** A sound without samples. */
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

const server = new Server({ name: 'oxmcp-conformance-node', version: '0.1.0' })

server.tool('test_simple_text', { description: 'Answers with text.' }, () => {
  return 'This is a simple text response for testing.'
})

server.tool('test_image_content', { description: 'Answers with an image.' }, () => image(PNG, 'image/png'))

server.tool('test_audio_content', { description: 'Answers with sound.' }, () => audio(WAV, 'audio/wav'))

server.tool('test_embedded_resource', { description: 'Answers with a resource.' }, () => {
  return resource('test://embedded-resource', 'This is an embedded resource content.', 'text/plain')
})

server.tool('test_multiple_content_types', { description: 'Answers with three kinds of content.' }, () => [
  text('Multiple content types test:'),
  image(PNG, 'image/png'),
  resource('test://mixed-content-resource', JSON.stringify({ test: 'data', value: 123 }), 'application/json'),
])

server.tool('test_tool_with_progress', { description: 'Reports progress.' }, async (_args, context) => {
  for (const percent of [0, 50, 100]) {
    if (percent > 0) await sleep(50)
    context.progress(percent, 100, `Completed step ${percent} of 100`)
  }
  return String(context._meta?.progressToken)
})

server.tool('test_error_handling', { description: 'Always fails.' }, () => {
  throw new Error('This tool intentionally returns an error for testing')
})

server.tool(
  'json_schema_2020_12_tool',
  {
    description: 'Has a schema of many keywords.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
  },
  (contact) => `The contact is ${JSON.stringify(contact)}.`,
)

const { url } = await server.listen({ port: Number(values.port) })
console.error(`listening at ${url}`)
