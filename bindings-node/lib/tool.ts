import { isContentBlock, text } from './content.js'
import { ToolContext } from './context.js'
import { END, type CallTarget, type Core } from './core.js'
import { MisuseError } from './errors.js'
import { array, isRecord, object, shown, string, strings, type Checks } from './options.js'
import {
  ValidationError,
  isStandardSchema,
  jsonSchemaOf,
  validate,
  type InferInput,
  type InferOutput,
  type Schema,
  type StandardResult,
  type StandardSchema,
} from './schema.js'
import type { CallToolResult, ContentBlock, Icon, JsonSchema, ToolAnnotations } from './types.js'

/** What describes a tool. */
export interface ToolOptions<Input extends Schema = JsonSchema, Output extends Schema = JsonSchema> {
  /** Its name, for people. */
  title?: string | undefined
  /** What it does and when to use it, for the model. */
  description?: string | undefined
  /** The schema of the arguments, an object. Without one, any object is taken. */
  inputSchema?: Input | undefined
  /** The schema of the structured result. With one, what the handler returns is the structured result. */
  outputSchema?: Output | undefined
  /** The arguments' JSON Schema, where `inputSchema` cannot be converted to it. */
  inputJsonSchema?: JsonSchema | undefined
  /** The structured result's JSON Schema, where `outputSchema` cannot be converted to it. */
  outputJsonSchema?: JsonSchema | undefined
  /** Hints about its behaviour, for clients that ask before they call. */
  annotations?: ToolAnnotations | undefined
  /** Pictures of it, for people. */
  icons?: Icon[] | undefined
  /** Metadata that is listed with it. */
  _meta?: { [key: string]: unknown } | undefined
  /** What the access token of a call needs, beside what every request does, where the server is protected. */
  scopes?: readonly string[] | undefined
}

/**
 * What a handler may return. Without an output schema: a string, content blocks, a full `{content: [...]}`, nothing,
 * or any other value, which becomes its JSON text. With one: the structured result, or a full `{content: [...]}`.
 */
export type HandlerResult<Output extends Schema> = InferInput<Output> | CallToolResult

/** Runs a tool. What it throws is told to the client as the tool's error. */
export type ToolHandler<Input extends Schema = JsonSchema, Output extends Schema = JsonSchema> = (
  args: InferOutput<Input>,
  context: ToolContext,
) => HandlerResult<Output> | Promise<HandlerResult<Output>>

/**
 * A tool's failure, told to the model as text or as content blocks.
 *
 * ```ts
 * server.tool('open', {}, ({ path }) => {
 *   throw new ToolError(`there is no file ${path}`)
 * })
 * console.assert((await client.callTool('open', { path: '/x' })).isError)
 * ```
 */
export class ToolError extends Error {
  /** What the model is told. */
  readonly content: ContentBlock[]

  constructor(content: string | ContentBlock[]) {
    const blocks = typeof content === 'string' ? [text(content)] : content
    super(blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n'))
    this.content = blocks
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** What a definition must have for certain; the rest of it is the core's to check. */
const definitionChecks: Checks = {
  title: string,
  description: string,
  inputJsonSchema: object,
  outputJsonSchema: object,
  annotations: object,
  icons: array,
  _meta: object,
  scopes: strings,
}

/**
 * Checks what `Server.tool` was given.
 *
 * @throws MisuseError when it is not a name, options and a handler.
 */
export function checkTool(name: unknown, options: unknown, handler: unknown): void {
  string('server.tool: the name of the tool', name)
  if (!isRecord(options)) {
    throw new MisuseError(
      `server.tool(name, options, handler): the options of ${shown(name)} are ${shown(options)}; they are an object, ` +
        'as { description, inputSchema }, and the handler is the third argument',
    )
  }
  if (typeof handler !== 'function') {
    throw new MisuseError(
      `server.tool(name, options, handler): the handler of ${shown(name)} is ${shown(handler)}; it is a function, ` +
        'and the third argument',
    )
  }
  for (const [option, check] of Object.entries(definitionChecks)) {
    if (options[option] !== undefined) check(`server.tool: the ${option} of ${shown(name)}`, options[option])
  }
}

/** The tool's definition as JSON, as it is listed. */
export function definition(name: string, options: ToolOptions<Schema, Schema>): string {
  const { inputSchema, outputSchema, inputJsonSchema, outputJsonSchema, scopes, ...rest } = options
  return JSON.stringify({
    ...rest,
    name,
    inputSchema: inputJsonSchema ?? (inputSchema && jsonSchemaOf(inputSchema, 'input')),
    outputSchema: outputJsonSchema ?? (outputSchema && jsonSchemaOf(outputSchema, 'output')),
  })
}

/** Begins what is said of a result that breaks its output schema; in the core's words. */
const BROKEN = "the tool's result does not meet its outputSchema"

/** Takes the calls of one tool to its handler, and the handler's results back. */
export class ToolRunner implements CallTarget {
  readonly #core: Core
  readonly #server: number
  readonly #handler: (args: any, context: ToolContext) => unknown
  readonly #input: StandardSchema | undefined
  readonly #output: StandardSchema | undefined
  readonly #structured: boolean
  readonly #onError: ((error: unknown) => void) | undefined

  constructor(
    core: Core,
    server: number,
    options: ToolOptions<Schema, Schema>,
    handler: (args: any, context: ToolContext) => unknown,
    onError: ((error: unknown) => void) | undefined,
  ) {
    const { inputSchema, outputSchema, outputJsonSchema } = options
    this.#core = core
    this.#server = server
    this.#handler = handler
    // Arguments come checked against the JSON Schema; a Standard Schema may refine and transform them further.
    this.#input = inputSchema && isStandardSchema(inputSchema) ? inputSchema : undefined
    this.#output = outputSchema && isStandardSchema(outputSchema) ? outputSchema : undefined
    this.#structured = outputSchema !== undefined || outputJsonSchema !== undefined
    this.#onError = onError
  }

  call(call: number, args: any): void {
    const context = new ToolContext(this.#core, this.#server, call)
    this.#core.calls.set(call, context)
    try {
      this.#settle(call, this.#run(args, context), this.#finish)
    } catch (error) {
      this.#fail(call, error)
    }
  }

  #run(args: any, context: ToolContext): unknown {
    if (!this.#input) return this.#handler(args, context)
    const valid = validate(this.#input, args, 'the arguments do not fit the tool')
    if (!(valid instanceof Promise)) return this.#handler(valid, context)
    return valid.then((args) => this.#handler(args, context))
  }

  /** Passes on what `value` is or will be. */
  #settle(call: number, value: unknown, next: (call: number, value: unknown) => void): void {
    if (typeof (value as PromiseLike<unknown> | undefined)?.then !== 'function') return next(call, value)
    Promise.resolve(value)
      .then((value) => next(call, value))
      .catch((error) => this.#fail(call, error))
  }

  #finish = (call: number, value: unknown): void => {
    if (!this.#structured) {
      if (typeof value === 'string') this.#answerText(call, value)
      else this.#answer(call, JSON.stringify(unstructured(value)))
    } else if (isFullResult(value)) {
      this.#answer(call, JSON.stringify(value))
    } else if (this.#output) {
      this.#settle(call, this.#output['~standard'].validate(value), this.#finishValidated)
    } else {
      this.#finishStructured(call, value)
    }
  }

  #finishValidated = (call: number, result: unknown): void => {
    const checked = result as StandardResult<unknown>
    if (checked.issues) this.#break(call, new ValidationError(BROKEN, checked.issues))
    else this.#finishStructured(call, checked.value)
  }

  #finishStructured = (call: number, value: unknown): void => {
    const json = JSON.stringify(value)
    if (json === undefined) return this.#break(call, new TypeError(`${BROKEN}: the handler returned ${typeof value}`))
    this.#answer(call, `{"content":[{"type":"text","text":${JSON.stringify(json)}}],"structuredContent":${json}}`)
  }

  #fail(call: number, error: unknown): void {
    const content = error instanceof ToolError ? error.content : [text(messageOf(error))]
    this.#answer(call, JSON.stringify({ content, isError: true }))
    this.#tell(error)
  }

  /**
   * Refuses a result that breaks the output schema: a fault of the server, which the model cannot mend. The core does
   * the same with what its JSON Schema alone shows.
   */
  #break(call: number, error: Error): void {
    this.#core.calls.delete(call)
    this.#core.send(`e ${this.#server} ${call} ${error.message.replaceAll(END, ' ')}${END}`)
    this.#tell(error)
  }

  #tell(error: unknown): void {
    try {
      this.#onError?.(error)
    } catch (thrown) {
      process.emitWarning(`oxmcp: onError threw: ${messageOf(thrown)}`)
    }
  }

  #answerText(call: number, text: string): void {
    if (text.includes(END)) return this.#answer(call, JSON.stringify(unstructured(text)))
    this.#core.calls.delete(call)
    this.#core.send(`t ${this.#server} ${call} ${text}${END}`)
  }

  #answer(call: number, result: string): void {
    this.#core.calls.delete(call)
    this.#core.send(`r ${this.#server} ${call} ${result}${END}`)
  }
}

/** The result that a value stands for, without an output schema. */
function unstructured(value: unknown): CallToolResult {
  if (typeof value === 'string') return { content: [text(value)] }
  if (value === undefined || value === null) return { content: [] }
  if (isFullResult(value)) return value
  if (isContentBlock(value)) return { content: [value] }
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || isContentBlock(item))) {
    return { content: value.map((item) => (typeof item === 'string' ? text(item) : item)) }
  }
  const json = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`the tool's handler returned a ${typeof value}, which is not JSON`)
  return { content: [text(json)] }
}

function isFullResult(value: unknown): value is CallToolResult {
  const content = (value as CallToolResult | undefined | null)?.content
  return Array.isArray(content) && content.every(isContentBlock)
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message || error.name : String(error)
  } catch {
    return 'the tool failed'
  }
}
