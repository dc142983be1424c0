// What the TypeScript clients of the matrix have in common: each feature in turn, and a line of JSON for it.

import { setTimeout as sleep } from 'node:timers/promises'
import { NOTE } from './everything.mjs'

// How long a feature may take, in milliseconds. A peer that never answers is a failure of that feature alone.
const PATIENCE = 30_000

/** What a client declares. */
export const CAPABILITIES = { elicitation: {}, roots: {}, sampling: {} }

/** What a client answers its server, by method. */
export const ANSWERS = {
  'sampling/createMessage': async ({ params: { messages } }) => {
    const asked = [messages.at(-1).content].flat()[0]
    return { role: 'assistant', model: 'test-model', content: { type: 'text', text: `Echo: ${asked.text}` } }
  },
  'elicitation/create': async ({ params: { message } }) =>
    message === 'Your name?' ? { action: 'accept', content: { name: 'Ada' } } : { action: 'decline' },
  'roots/list': async () => ({ roots: [{ uri: 'file:///work/a' }, { uri: 'file:///work/b' }] }),
}

/** What a server told, in its order. */
class Heard {
  #waiting = []
  #kept = []

  tell(what) {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(what)
    else this.#kept.push(what)
  }

  next() {
    if (this.#kept.length > 0) return Promise.resolve(this.#kept.shift())
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

export const logs = new Heard()
export const updates = new Heard()

/** Where the server is: `{ url }`, or `{ command, args }`. */
export function target([where, ...args]) {
  return where.startsWith('http') ? { url: new URL(where) } : { command: where, args }
}

/**
 * Has a client use each feature and prints what it saw, or what went wrong.
 *
 * The `client` is the SDK's, with `call(params, options)` for calls of tools, and `subscribed(uri, during)` for what is done while
 * it is subscribed.
 */
export async function drive(revision, client, { call, subscribed }, features) {
  const say = (line) => console.log(JSON.stringify(line))
  say({ feature: 'revision', saw: revision })
  for (const feature of features) {
    try {
      const late = sleep(PATIENCE, undefined, { ref: false }).then(() => Promise.reject(new Error('nothing came')))
      say({ feature, saw: await Promise.race([late, FEATURES[feature](client, { call, subscribed, text })]) })
    } catch (error) {
      say({ feature, error: String(error) })
    }
  }

  async function text(name, args = {}, options) {
    return (await call({ name, arguments: args }, options)).content[0].text
  }
}

const FEATURES = {
  async tools(client, { call, text }) {
    const { tools } = await client.listTools()
    const failed = await call({ name: 'fail', arguments: {} })
    return {
      names: tools.map((tool) => tool.name).sort(),
      sum: await text('add', { a: 2, b: 3 }),
      failed: failed.isError && failed.content[0].text.includes('it failed'),
    }
  },
  async resources(client) {
    const read = async (uri) => (await client.readResource({ uri })).contents
    return {
      uris: (await client.listResources()).resources.map((it) => it.uri).sort(),
      templates: (await client.listResourceTemplates()).resourceTemplates.map((it) => it.uriTemplate),
      note: (await read(NOTE)).map((it) => it.text),
      blob: (await read('test://blob')).map((it) => it.blob),
      item: (await read('test://item/7')).map((it) => it.text),
    }
  },
  async prompts(client) {
    const prompt = await client.getPrompt({ name: 'greet', arguments: { name: 'Ada' } })
    return {
      names: (await client.listPrompts()).prompts.map((it) => it.name),
      messages: prompt.messages.map((message) => message.content.text),
    }
  },
  async completion(client) {
    const values = async (ref, name, value) =>
      (await client.complete({ ref, argument: { name, value } })).completion.values
    return {
      names: await values({ type: 'ref/prompt', name: 'greet' }, 'name', 'A'),
      ids: await values({ type: 'ref/resource', uri: 'test://item/{id}' }, 'id', '1'),
    }
  },
  sampling: (_client, { text }) => text('ask_model'),
  elicitation: async (_client, { text }) => [
    await text('ask_user', { message: 'Your name?' }),
    await text('ask_user', { message: 'Your password?' }),
  ],
  roots: (_client, { text }) => text('show_roots'),
  async logging(_client, { text }) {
    await text('log')
    return [await logs.next(), await logs.next()]
  },
  async progress(_client, { text }) {
    const reports = []
    const onprogress = ({ progress, total, message }) => reports.push([progress, total, message])
    return { text: await text('count', { to: 3 }, { onprogress }), reports }
  },
  async cancellation(_client, { text }) {
    const abort = new AbortController()
    const waiting = text('wait', {}, { signal: abort.signal, onprogress: () => abort.abort() })
    await waiting.then((said) => Promise.reject(new Error(`it did not wait: ${said}`)), () => {})
    for (;;) {
      const said = await text('waits')
      if (said === '1 begun, 1 cancelled') return said
      await sleep(20)
    }
  },
  subscriptions: (_client, { text, subscribed }) =>
    subscribed(NOTE, async () => {
      await text('touch')
      return updates.next()
    }),
}
