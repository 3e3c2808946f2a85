import { ArgumentError } from './errors.ts'

/** Checks of single arguments. Each returns the value, typed, or throws an `ArgumentError` that names its path. */

export interface Bounds {
  min: number
  max: number
}

/** How a value is named in a message: its kind, never its content, which may be a secret. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Number.isNaN(value)) return 'NaN'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return isRecord(value) ? 'an object' : `a ${tagOf(value)}`
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1)

/** Any object but those of a kind of their own: a Date or a Promise, whose fields are not what was meant, is a mistake. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && tagOf(value) === 'Object'
}

/** Names to values, whatever they are. `__proto__` is no name: many programs would take it for the object's prototype. */
export function record(value: unknown, path: string): Record<string, unknown> {
  if (!isRecord(value)) throw new ArgumentError('argument_type', path, `must be an object, not ${kindOf(value)}`)
  if (Object.hasOwn(value, '__proto__')) {
    throw new ArgumentError('argument_invalid', `${path}.__proto__`, 'is no name for an entry: remove it')
  }
  return value
}

/** A plain object with no other keys than these. An unknown key is a misspelling, or an option that does not exist yet. */
export function plainObject(value: unknown, path: string, known: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) throw new ArgumentError('argument_type', path, `must be an object, not ${kindOf(value)}`)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new ArgumentError('argument_unknown', `${path}.${key}`, `is not known here; known are ${known.join(', ')}`)
    }
  }
  return value
}

export function required<T>(value: T | undefined, path: string): T {
  if (value === undefined) throw new ArgumentError('argument_missing', path, 'is required')
  return value
}

export function string(value: unknown, path: string, length: Bounds = { min: 1, max: 256 }): string {
  if (typeof value !== 'string')
    throw new ArgumentError('argument_type', path, `must be a string, not ${kindOf(value)}`)
  if (value.length < length.min || value.length > length.max) {
    throw new ArgumentError(
      'argument_range',
      path,
      `must have ${length.min} to ${length.max} characters, has ${value.length}`,
    )
  }
  if (!value.isWellFormed()) {
    throw new ArgumentError('argument_invalid', path, 'holds half of a surrogate pair; make it well-formed Unicode')
  }
  // Postgres keeps no such text, and where one storage can't, none shall have to.
  if (value.includes('\0')) throw new ArgumentError('argument_invalid', path, 'must not hold a NUL character')
  return value
}

export function number(value: unknown, path: string, bounds: Bounds): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new ArgumentError('argument_type', path, `must be a number, not ${kindOf(value)}`)
  }
  if (value < bounds.min || value > bounds.max) {
    throw new ArgumentError('argument_range', path, `must be ${bounds.min} to ${bounds.max}, is ${value}`)
  }
  return value
}

export function integer(value: unknown, path: string, bounds: Bounds): number {
  const checked = number(value, path, bounds)
  if (!Number.isInteger(checked)) throw new ArgumentError('argument_type', path, `must be an integer, is ${checked}`)
  return checked
}

export function boolean(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean')
    throw new ArgumentError('argument_type', path, `must be a boolean, not ${kindOf(value)}`)
  return value
}

export function func(value: unknown, path: string): void {
  if (typeof value !== 'function')
    throw new ArgumentError('argument_type', path, `must be a function, not ${kindOf(value)}`)
}

export function oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) throw new ArgumentError('argument_invalid', path, `must be one of ${allowed.join(', ')}`)
  return found
}

/** An array of `length` items at most, each checked by `item`. */
export function list<T>(value: unknown, path: string, length: Bounds, item: (value: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) throw new ArgumentError('argument_type', path, `must be an array, not ${kindOf(value)}`)
  if (value.length < length.min || value.length > length.max) {
    throw new ArgumentError(
      'argument_range',
      path,
      `must have ${length.min} to ${length.max} items, has ${value.length}`,
    )
  }
  // Array.from also comes to the holes of a sparse array, which map() would pass over unchecked.
  return Array.from(value, (entry, index) => item(entry, `${path}[${index}]`))
}

/** Names to short strings, such as metadata. */
export function stringMap(value: unknown, path: string, entriesMax: number, lengthMax: number): Record<string, string> {
  const entries = Object.entries(record(value, path))
  if (entries.length > entriesMax) {
    throw new ArgumentError('argument_range', path, `must have at most ${entriesMax} entries, has ${entries.length}`)
  }
  const checked = entries.map(([key, entry]) => [
    string(key, path),
    string(entry, `${path}.${key}`, { min: 0, max: lengthMax }),
  ])
  return Object.fromEntries(checked)
}

/** A `Date` or an ISO 8601 string with a time zone, as epoch milliseconds. */
export function time(value: unknown, path: string): number {
  const ms = value instanceof Date ? value.getTime() : isoTime(value)
  if (ms === undefined) {
    throw new ArgumentError(
      'argument_type',
      path,
      `must be a Date or an ISO 8601 string with a time zone, not ${kindOf(value)}`,
    )
  }
  // The years 1970 to 9999: what ISO 8601 writes with four digits.
  if (!(ms >= 0 && ms <= 253_402_300_799_999)) {
    throw new ArgumentError('argument_range', path, 'must be a valid moment from 1970 to 9999')
  }
  return ms
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

function isoTime(value: unknown): number | undefined {
  const parts = typeof value === 'string' ? ISO.exec(value) : null
  if (parts === null) return undefined
  // Date.parse reads 30 February as 2 March; day 0 of the next month is the last of this one.
  const [year, month, day] = parts.slice(1, 4).map(Number) as [number, number, number]
  return day > new Date(Date.UTC(year, month, 0)).getUTCDate() ? Number.NaN : Date.parse(parts[0])
}
