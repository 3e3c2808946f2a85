import assert from 'node:assert'
import { ArgumentError } from '../errors.ts'
import type { SentWebhook } from './sent.ts'

/** Assertions on what was sent, for any test runner: they throw what `node:assert` throws. */

/** Some of a value, at any depth: what is left out may be anything. Of a list every item is given. */
export type Subset<T> = T extends readonly (infer Item)[]
  ? readonly Subset<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: Subset<T[K]> }
    : T

/** Webhooks that a message shows, and characters of the data of each. */
const SHOWN_MAX = 10
const DATA_MAX = 200

/** What the caller sees as the one who throws. */
type Caller = (...given: never[]) => unknown

/** The first of this type whose data holds `expected`. Throws an `AssertionError` that says what was sent instead. */
export function assertSent(sent: readonly SentWebhook[], type: string, expected: unknown, caller: Caller): SentWebhook {
  if (typeof type !== 'string') throw new ArgumentError('argument_type', 'assertSent.type', 'must be a string')
  const ofType = sent.filter((webhook) => webhook.type === type)
  const found = ofType.find(({ data }) => expected === undefined || holds(data, expected))
  if (found !== undefined) return found
  const asked = expected === undefined ? `'${type}'` : `'${type}', ${textOf(expected)}`
  const last = ofType.at(-1)
  throw new assert.AssertionError({
    message: `assertSent(${asked}): no such webhook was sent.${insteadOf(sent)}`,
    // Of the same type, the runner shows what is different in the data.
    ...(last === undefined
      ? { actual: typesOf(sent), expected: [type] }
      : { actual: askedOf(last.data, expected), expected }),
    operator: 'assertSent',
    stackStartFn: caller,
  })
}

/** Throws an `AssertionError` when something was sent, or something of this type. */
export function assertNothingSent(sent: readonly SentWebhook[], type: string | undefined, caller: Caller): void {
  const found = type === undefined ? sent : sent.filter((webhook) => webhook.type === type)
  if (found.length === 0) return
  const asked = type === undefined ? '' : `'${type}'`
  throw new assert.AssertionError({
    message: `assertNothingSent(${asked}): ${count(found.length)} sent:${lines(found)}`,
    actual: typesOf(found),
    expected: [],
    operator: 'assertNothingSent',
    stackStartFn: caller,
  })
}

function insteadOf(sent: readonly SentWebhook[]): string {
  if (sent.length > 0) return ` ${count(sent.length)}:${lines(sent)}`
  return ' No request was made at all: create an endpoint that wants it, and await sender.drain() before.'
}

const count = (found: number): string => (found === 1 ? 'One was' : `${found} were`)

const typesOf = (sent: readonly SentWebhook[]): (string | null)[] => sent.map(({ type }) => type)

function lines(sent: readonly SentWebhook[]): string {
  const shown = sent.slice(-SHOWN_MAX).map(({ type, data, url, attempt, body }) => {
    const what = type === null ? `${body.byteLength} bytes of another form` : `'${type}', ${textOf(data)}`
    return `\n  ${what} to ${url}${attempt === 1 ? '' : `, attempt ${attempt}`}`
  })
  const left = sent.length - shown.length
  return left === 0 ? shown.join('') : `\n  … ${left} before these${shown.join('')}`
}

function textOf(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {}
  text ??= String(value)
  return text.length > DATA_MAX ? `${text.slice(0, DATA_MAX)}…` : text
}

/** Matchers such as `expect.any(String)` of vitest, Jest and Jasmine say themselves whether they fit. */
function holds(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected)
  if ('asymmetricMatch' in expected && typeof expected.asymmetricMatch === 'function') {
    return expected.asymmetricMatch(actual) === true
  }
  if ('toJSON' in expected && typeof expected.toJSON === 'function') return Object.is(actual, expected.toJSON())
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return false
  if (Array.isArray(expected) && Array.isArray(actual) && actual.length !== expected.length) return false
  return Object.entries(expected).every(([key, value]) => holds(Reflect.get(actual, key), value))
}

/** Of a value what a subset asks for: the rest would be no difference. */
function askedOf(actual: unknown, expected: unknown): unknown {
  if (typeof actual !== 'object' || actual === null || typeof expected !== 'object' || expected === null) return actual
  if (Array.isArray(actual)) {
    return Array.isArray(expected) ? actual.map((item, index) => askedOf(item, expected[index])) : actual
  }
  const keys = Object.keys(expected).filter((key) => Object.hasOwn(actual, key))
  return Object.fromEntries(keys.map((key) => [key, askedOf(Reflect.get(actual, key), Reflect.get(expected, key))]))
}
