import { MisuseError } from './errors.js'
import { isRecord, shown } from './options.js'
import type { JsonSchema } from './types.js'

/**
 * A schema of a library that follows Standard Schema (zod, valibot, arktype and others): it validates, and its types
 * can be inferred. Only what is needed of it is declared here.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What validating gives: a value, or what is wrong. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** One thing that is wrong, and where. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** A schema as a tool takes it. */
export type Schema = StandardSchema | JsonSchema

/** What a value is once a schema accepted it. */
export type InferOutput<S> =
  S extends StandardSchema ? NonNullable<S['~standard']['types']>['output'] : { [key: string]: any }

/** What a schema takes. */
export type InferInput<S> = S extends StandardSchema ? NonNullable<S['~standard']['types']>['input'] : unknown

/** Whether a schema validates by itself. */
export function isStandardSchema(schema: Schema): schema is StandardSchema {
  // Some libraries' schemas are functions.
  return ((typeof schema === 'object' && schema !== null) || typeof schema === 'function') && '~standard' in schema
}

/**
 * The JSON Schema of `schema`, for what goes in or what comes out of it.
 *
 * @throws MisuseError when it is no schema, or its library offers no conversion.
 */
export function jsonSchemaOf(schema: Schema, direction: 'input' | 'output'): JsonSchema {
  if (!isStandardSchema(schema)) return plainJsonSchema(schema, direction)
  const standard = schema['~standard'] as StandardSchema['~standard'] & { jsonSchema?: Converter }
  const converted =
    standard.jsonSchema?.[direction]({ target: 'draft-2020-12' }) ?? convertByOwnMethod(schema, direction)
  if (converted) return converted
  throw new MisuseError(
    `a schema of ${standard.vendor} has no conversion to JSON Schema of its own; pass the JSON Schema beside it ` +
      `(inputJsonSchema, outputJsonSchema)`,
  )
}

/**
 * What `schema` makes of `value`. When `value` does not fit, throws or rejects with a `ValidationError` that begins
 * with `blame`.
 */
export function validate<Output>(
  schema: StandardSchema<unknown, Output>,
  value: unknown,
  blame: string,
): Output | Promise<Output> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise
    ? result.then((result) => accepted(result, blame))
    : accepted(result, blame)
}

/** A value does not fit its schema. */
export class ValidationError extends Error {
  /** What is wrong, and where. */
  readonly issues: readonly StandardIssue[]

  constructor(blame: string, issues: readonly StandardIssue[]) {
    super(`${blame}: ${issues.map(describe).join('; ')}`)
    this.issues = issues
  }

  override get name(): string {
    return this.constructor.name
  }
}

type Converter = {
  [direction in 'input' | 'output']: (options: { target: string }) => JsonSchema
}

/** zod from 4.1 and arktype have a method on the schema itself. */
function convertByOwnMethod(schema: StandardSchema, direction: 'input' | 'output'): JsonSchema | undefined {
  const own = schema as { toJSONSchema?: unknown; toJsonSchema?: unknown }
  if (typeof own.toJSONSchema === 'function') return own.toJSONSchema({ io: direction }) as JsonSchema
  if (typeof own.toJsonSchema === 'function') return own.toJsonSchema() as JsonSchema
  return undefined
}

/** Refuses what is easily mistaken for JSON Schema. */
function plainJsonSchema(schema: JsonSchema, direction: 'input' | 'output'): JsonSchema {
  if (!isRecord(schema)) {
    throw new MisuseError(`${direction}Schema is ${shown(schema)}; it takes a schema of a library, or JSON Schema`)
  }
  const [member] = Object.entries(schema).find(([, value]) => isStandardSchema(value as Schema)) ?? []
  if (member !== undefined) {
    throw new MisuseError(
      `${direction}Schema is an object whose member ${member} is a schema, not a schema itself; ` +
        'wrap it in z.object(...), or the like of your library',
    )
  }
  return schema
}

function accepted<Output>(result: StandardResult<Output>, blame: string): Output {
  if (result.issues) throw new ValidationError(blame, result.issues)
  return result.value
}

function describe({ message, path }: StandardIssue): string {
  if (!path?.length) return message
  const keys = path.map((step) => String(typeof step === 'object' ? step.key : step))
  return `${keys.join('.')}: ${message}`
}
