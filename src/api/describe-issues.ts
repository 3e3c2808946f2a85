import type { SchemaIssue } from '../catalog.ts'

/**
 * What a schema has to say, in one line: path and message of the first issues, never the values, which are customers' data and would
 * come into logs, nor keys that are data: those that are no identifiers, such as addresses of mail. Some libraries repeat in an issue
 * what they were given, so that it is taken out.
 */

const ISSUES_SHOWN = 3
/** Of a path, and of a message, in characters. */
const SHOWN_MAX = 200
/** A longer message is not searched for values, and neither is one about more values than this: they are not shown. */
const SEARCHED_MAX = 1_000
const VALUES_MAX = 1_000

const UNTOLD = 'not as it should be'

/** `data` is what was given at `path`, such as `send.data`. */
export function describeIssues(issues: unknown, data: unknown, path: string): string {
  const all = Array.isArray(issues) ? issues : []
  if (all.length === 0) return path
  const shown = all.slice(0, ISSUES_SHOWN).map((issue) => describe(issue, data, path))
  const more = all.length - shown.length
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

function describe(issue: Partial<SchemaIssue> | null | undefined, data: unknown, path: string): string {
  const keys = Array.isArray(issue?.path) ? issue.path.map(keyOf) : []
  const place = `${path}${keys.map(stepOf).join('')}`
  return `${cut(place)}: ${cut(withoutValues(issue?.message, keys, data))}`
}

const cut = (text: string) => (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text)

function keyOf(segment: unknown): PropertyKey {
  const key = typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment
  return typeof key === 'number' || typeof key === 'symbol' ? key : String(key)
}

function stepOf(key: PropertyKey): string {
  const name = String(key)
  if (typeof key === 'number') return `[${name}]`
  return isIdentifier(name) ? `.${name}` : '[…]'
}

const isIdentifier = (name: string): boolean => /^[\w$]{1,64}$/.test(name)

function withoutValues(message: unknown, keys: readonly PropertyKey[], data: unknown): string {
  if (typeof message !== 'string' || message.length > SEARCHED_MAX) return UNTOLD
  try {
    return valuesIn(at(data, keys))?.reduce(without, message) ?? UNTOLD
  } catch {
    // Data that can not be looked through, such as a getter that throws.
    return UNTOLD
  }
}

/** What stands at this path, or above it where it leads nowhere. */
function at(data: unknown, keys: readonly PropertyKey[]): unknown {
  let value = data
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value
    value = Reflect.get(value, key)
  }
  return value
}

/** The texts of all values in there, and of keys that are no identifiers, the longest first; null: too many. */
function valuesIn(value: unknown): string[] | null {
  const texts = new Set<string>()
  const seen = new Set<unknown>()
  const waiting = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (seen.has(next)) continue
    seen.add(next)
    if (seen.size > VALUES_MAX) return null
    if (next instanceof Date) waiting.push(String(next), next.toJSON())
    else if (next instanceof Map || next instanceof Set) waiting.push(...[...next].flat())
    else if (typeof next === 'object' && next !== null) {
      waiting.push(...Object.values(next), ...Object.keys(next).filter((key) => !isIdentifier(key)))
    } else if (typeof next === 'string') texts.add(next).add(JSON.stringify(next).slice(1, -1))
    else if (typeof next === 'number') texts.add(String(next))
    else if (typeof next === 'bigint') texts.add(`${next}n`).add(String(next))
  }
  texts.delete('')
  return [...texts].sort((a, b) => b.length - a.length)
}

/** A short value is taken out where it is a word of its own: there is an `a` in most messages. */
function without(message: string, value: string): string {
  if (value.length > 3) return message.replaceAll(value, '…')
  const literal = value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  return message.replace(new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu'), '…')
}
