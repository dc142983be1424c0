// What the TypeScript servers of the matrix have in common: an answer to each method, whatever version serves it.

export const NOTE = 'test://note'

export const CAPABILITIES = {
  completions: {},
  logging: {},
  prompts: {},
  resources: { subscribe: true },
  tools: {},
}

const waits = { begun: 0, cancelled: 0 }

const NAME = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] }
const COMPLETIONS = { 'ref/prompt': ['Ada', 'Alan', 'Bo'], 'ref/resource': ['1', '10', '2'] }

const schema = (properties = {}) => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(properties).map(([name, type]) => [name, { type }])),
  required: Object.keys(properties),
})
const said = (text) => ({ content: [{ type: 'text', text }] })

/**
 * The tools: their arguments, and what they do. They are given `call`, what there is of their call:
 * `ask(method, params)` asks the client and gives its answer, `log(level, data, logger)`, `progress(params)`, `touch(uri)`,
 * and `signal`.
 */
const TOOLS = {
  add: [schema({ a: 'integer', b: 'integer' }), async ({ a, b }) => said(`${a + b}`)],
  fail: [schema(), async () => ({ ...said('it failed'), isError: true })],
  ask_model: [schema(), async (_args, call) => {
    const messages = [{ role: 'user', content: { type: 'text', text: 'Say something.' } }]
    const { content } = await call.ask('sampling/createMessage', { messages, maxTokens: 10 })
    return said(`the model said: ${content.text}`)
  }],
  ask_user: [schema({ message: 'string' }), async ({ message }, call) => {
    const { action, content } = await call.ask('elicitation/create', { mode: 'form', message, requestedSchema: NAME })
    return said(action === 'accept' ? `accept ${content.name}` : action)
  }],
  show_roots: [schema(), async (_args, call) => {
    const { roots } = await call.ask('roots/list')
    return said(roots.map((root) => root.uri).join(' '))
  }],
  log: [schema(), async (_args, call) => {
    await call.log('debug', 'once', 'tale')
    await call.log('error', 'the end', 'tale')
    return said('logged')
  }],
  count: [schema({ to: 'integer' }), async ({ to }, call) => {
    for (let progress = 1; progress <= to; progress++) {
      await call.progress({ progress, total: to, message: `step ${progress}` })
    }
    return said('counted')
  }],
  wait: [schema(), (_args, call) => new Promise((resolve) => {
    waits.begun += 1
    call.signal.addEventListener('abort', () => {
      waits.cancelled += 1
      resolve(said('cancelled'))
    })
    void call.progress({ progress: 1 })
  })],
  waits: [schema(), async () => said(`${waits.begun} begun, ${waits.cancelled} cancelled`)],
  touch: [schema(), async (_args, call) => {
    await call.touch(NOTE)
    return said('touched')
  }],
}

/** The methods of the server: given the parameters and what there is of the call, see `TOOLS`. */
export const METHODS = {
  'tools/list': async () => ({ tools: Object.entries(TOOLS).map(([name, [inputSchema]]) => ({ name, inputSchema })) }),
  'tools/call': ({ name, arguments: args }, call) => TOOLS[name][1](args ?? {}, call),
  'resources/list': async () => ({ resources: [{ uri: NOTE, name: 'note' }, { uri: 'test://blob', name: 'blob' }] }),
  'resources/templates/list': async () => ({
    resourceTemplates: [{ uriTemplate: 'test://item/{id}', name: 'item' }],
  }),
  'resources/read': async ({ uri }) => {
    if (uri === NOTE) return { contents: [{ uri, text: 'a note' }] }
    if (uri === 'test://blob') return { contents: [{ uri, blob: 'AQID' }] }
    return { contents: [{ uri, text: `item ${uri.slice('test://item/'.length)}` }] }
  },
  'resources/subscribe': async () => ({}),
  'resources/unsubscribe': async () => ({}),
  'prompts/list': async () => ({ prompts: [{ name: 'greet', arguments: [{ name: 'name', required: true }] }] }),
  'prompts/get': async ({ arguments: { name } }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Hello, ${name}!` } }],
  }),
  'completion/complete': async ({ ref, argument }) => ({
    completion: { values: COMPLETIONS[ref.type].filter((value) => value.startsWith(argument.value)) },
  }),
}

/** Listens on a free port of this machine and prints the URL. */
export function announce(http) {
  http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/mcp`))
}

/** Serves sessions: `connect` makes a transport for each, given how to remember it. */
export function sessions(connect) {
  const transports = new Map()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    if (id && !transports.has(id)) return void response.writeHead(404).end()
    const transport = transports.get(id) ?? await connect((session, it) => transports.set(session, it))
    await transport.handleRequest(request, response)
  }
}
