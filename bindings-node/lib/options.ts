import { inspect } from 'node:util'
import { MisuseError } from './errors.js'

/** Throws a `MisuseError` when the value of the option `name` is not what it takes. */
export type Check = (name: string, value: unknown) => void

/** The options of something, each with its check. */
export type Checks = { readonly [option: string]: Check }

/**
 * Checks options given to `owner`, for example `server.listen`. An option that is undefined passes for one left out.
 *
 * What is given in place of an object may be a secret; then it is `concealed`.
 *
 * @throws MisuseError when one is wrong or unknown.
 */
export function checkOptions(owner: string, options: unknown, checks: Checks, concealed?: 'concealed'): void {
  const names = Object.keys(checks).join(', ')
  if (!isRecord(options)) {
    const given = concealed ? `a ${typeof options}` : shown(options)
    throw new MisuseError(`${owner} takes its options as an object (${names}); it was given ${given}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(checks, name)) throw new MisuseError(`${owner} has no option ${name}; it takes ${names}`)
    checks[name]!(`${owner}: ${name}`, value)
  }
}

export const string: Check = (name, value) => {
  if (typeof value !== 'string') refuse(name, value, 'a string')
}

/** A string that is not to be seen. */
export const secret: Check = (name, value) => {
  if (typeof value !== 'string') throw new MisuseError(`${name} is a ${typeof value}; it takes a string`)
}

export const boolean: Check = (name, value) => {
  if (typeof value !== 'boolean') refuse(name, value, 'a boolean')
}

export const strings: Check = (name, value) => {
  if (!Array.isArray(value)) return refuse(name, value, 'an array of strings')
  value.forEach((item, index) => string(`${name}[${index}]`, item))
}

/** An object whose values are strings; an undefined one is left out. */
export const stringMap: Check = (name, value) => {
  if (!isRecord(value)) return refuse(name, value, 'an object of strings')
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) string(`${name}.${key}`, item)
  }
}

export const object: Check = (name, value) => {
  if (!isRecord(value)) refuse(name, value, 'an object')
}

export const array: Check = (name, value) => {
  if (!Array.isArray(value)) refuse(name, value, 'an array')
}

export const callable: Check = (name, value) => {
  if (typeof value !== 'function') refuse(name, value, 'a function')
}

export const port: Check = (name, value) => {
  if (!isWhole(value, 0, 65_535)) refuse(name, value, 'a whole number from 0 to 65535')
}

/** A number of things or of bytes. */
export const count: Check = (name, value) => {
  if (!isWhole(value, 1, Number.MAX_SAFE_INTEGER)) refuse(name, value, 'a whole number above 0')
}

/** A number of any size, as progress has it. */
export const number: Check = (name, value) => {
  if (typeof value !== 'number') refuse(name, value, 'a number')
}

export const milliseconds: Check = (name, value) => {
  if (typeof value !== 'number' || !(value > 0)) refuse(name, value, 'a positive number of milliseconds')
}

/** Null passes for none, as it does for `fetch`. */
export const abortSignal: Check = (name, value) => {
  if (value === null || value instanceof AbortSignal) return
  // Another realm, or a library, may have made it.
  const signal = value as Partial<AbortSignal>
  if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return
  refuse(name, value, 'an AbortSignal')
}

/** One of some strings. */
export function oneOf(...words: string[]): Check {
  return (name, value) => {
    if (!words.includes(value as string)) refuse(name, value, words.map((word) => shown(word)).join(' or '))
  }
}

/** A value as messages show it: strings in quotes, long things cut. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxArrayLength: 5, maxStringLength: 100, breakLength: Infinity })
}

/** Whether a value is an object with members, and no array. */
export function isRecord(value: unknown): value is { [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

function refuse(name: string, value: unknown, takes: string): never {
  throw new MisuseError(`${name} is ${shown(value)}; it takes ${takes}`)
}
