import type { World } from './world.ts'

/** What may be wrong with an argument of each kind. */

export interface Refusal {
  given: string
  args: (world: World) => unknown[]
  code: string
  /** Of an ArgumentError; left out: a WebhookError. */
  path?: string
  /** What the message tells besides. */
  says?: RegExp
}

export interface Acceptance {
  given: string
  args: (world: World) => unknown[]
}

export interface Cases {
  refused: Refusal[]
  accepted: Acceptance[]
}

/** Places a value among the arguments of a call. */
export type Place = (value: unknown, world: World) => unknown[]

export const LONE = 'half \ud83d of a pair'

const none: Cases = { refused: [], accepted: [] }

export function together(...all: Cases[]): Cases {
  return { refused: all.flatMap((cases) => cases.refused), accepted: all.flatMap((cases) => cases.accepted) }
}

export function refuse(code: string, path: string | undefined, place: Place, values: Record<string, unknown>): Cases {
  const refused = Object.entries(values).map(([given, value]) => ({
    given: `${path ?? code}: ${given}`,
    args: (world: World) => place(value, world),
    code,
    ...(path === undefined ? {} : { path }),
  }))
  return { ...none, refused }
}

export function accept(path: string, place: Place, values: Record<string, unknown>): Cases {
  const accepted = Object.entries(values).map(([given, value]) => ({
    given: `${path}: ${given}`,
    args: (world: World) => place(value, world),
  }))
  return { ...none, accepted }
}

const WRONG: Record<string, unknown> = {
  null: null,
  'a number': 7,
  NaN: Number.NaN,
  'a string': 'text',
  'a boolean': true,
  'an array': [],
  'an object': {},
  'a function': () => {},
  'a symbol': Symbol('s'),
  'a Date': new Date(0),
  'a Map': new Map(),
  'a Promise': Promise.resolve({}),
  'a BigInt': 7n,
}

/** All wrong types but these, refused as such. */
export function types(path: string, place: Place, ...right: string[]): Cases {
  const wrong = Object.fromEntries(Object.entries(WRONG).filter(([name]) => !right.includes(name)))
  return refuse('argument_type', path, place, wrong)
}

export function objects(path: string, place: Place, ...right: string[]): Cases {
  return together(
    types(path, place, 'an object', ...right),
    refuse('argument_unknown', `${path}.nonesuch`, place, { 'an unknown name': { nonesuch: 1 } }),
    refuse('argument_unknown', `${path}.__proto__`, place, { 'an own __proto__': JSON.parse('{"__proto__":{"x":1}}') }),
  )
}

export function strings(path: string, place: Place, max: number, right = 'x', min = 1): Cases {
  const long = (length: number) => right + 'x'.repeat(length - right.length)
  return together(
    types(path, place, 'a string'),
    min > 0 ? refuse('argument_range', path, place, { 'an empty string': '' }) : none,
    refuse('argument_range', path, place, { 'one character too many': long(max + 1) }),
    refuse('argument_invalid', path, place, { 'half a surrogate pair': LONE, NUL: '\0' }),
  )
}

export function integers(path: string, place: Place, min: number, max: number): Cases {
  return together(numbers(path, place, min, max), refuse('argument_type', path, place, { 'a fraction': min + 0.5 }))
}

export function numbers(path: string, place: Place, min: number, max: number): Cases {
  return together(
    types(path, place, 'a number'),
    refuse('argument_range', path, place, {
      'below the least': min - 1,
      'above the most': max + 1,
      Infinity: Number.POSITIVE_INFINITY,
      '-Infinity': Number.NEGATIVE_INFINITY,
    }),
    accept(path, place, { 'the least': min, 'the most': max }),
  )
}

export function booleans(path: string, place: Place): Cases {
  return together(types(path, place, 'a boolean'), accept(path, place, { true: true, false: false }))
}

export function times(path: string, place: Place): Cases {
  return together(
    types(path, place, 'a Date'),
    refuse('argument_type', path, place, {
      'a day without a time': '2026-01-01',
      'a time without a zone': '2026-01-01T00:00:00',
      'an empty string': '',
    }),
    refuse('argument_range', path, place, {
      'an invalid Date': new Date(Number.NaN),
      'before 1970': new Date(-1),
      'after 9999': new Date(253_402_300_800_000),
      '30 February': '2026-02-30T00:00:00Z',
      'the 13th month': '2026-13-01T00:00:00Z',
    }),
  )
}

export function ids(path: string, place: Place): Cases {
  return together(
    strings(path, place, 64),
    refuse('argument_invalid', path, place, { 'a dot': 'ep_1.2', 'a blank': 'ep 1', 'a slash': '../ep' }),
  )
}

/** A list whose items are checked as `items` says. */
export function lists(
  path: string,
  place: Place,
  { min, max, item, items }: { min: number; max: number; item: unknown; items: (path: string, place: Place) => Cases },
): Cases {
  const many = (length: number) => Array.from({ length }, () => item)
  return together(
    types(path, place, 'an array'),
    min > 0 ? refuse('argument_range', path, place, { 'an empty list': [] }) : accept(path, place, { empty: [] }),
    refuse('argument_range', path, place, { 'one too many': many(max + 1) }),
    refuse('argument_type', `${path}[0]`, place, { 'a hole': new Array(1) }),
    accept(path, place, { 'the most': many(max) }),
    items(`${path}[1]`, (value, world) => place([item, value], world)),
  )
}

export function tenants(path: string, place: Place): Cases {
  return together(
    strings(path, place, 128),
    refuse('argument_type', path, place, { 'an explicit undefined': undefined }),
    refuse('argument_invalid', path, place, { 'a control character': 'ac\nme' }),
    accept(path, place, { 'the longest': 'x'.repeat(128) }),
  )
}

export function metadata(path: string, place: Place): Cases {
  const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  return together(
    types(path, place, 'an object'),
    types(`${path}.k`, (value, world) => place({ k: value }, world), 'a string'),
    refuse('argument_range', path, place, {
      'too many entries': entries(65),
      'an empty name': { '': 'v' },
      'too long a name': { ['n'.repeat(257)]: 'v' },
    }),
    refuse('argument_range', `${path}.k`, place, { 'too long a value': { k: 'v'.repeat(1_025) } }),
    refuse('argument_invalid', `${path}.k`, place, { 'half a surrogate pair in a value': { k: LONE } }),
    refuse('argument_invalid', path, place, { 'half a surrogate pair in a name': { [LONE]: 'v' } }),
    refuse('argument_invalid', `${path}.__proto__`, place, { 'an own __proto__': JSON.parse('{"__proto__":"v"}') }),
    accept(path, place, { 'as many as may be': entries(64), 'the longest value': { k: 'v'.repeat(1_024) } }),
  )
}

export function headers(path: string, place: Place): Cases {
  const count = (length: number) => Object.fromEntries(Array.from({ length }, (_, index) => [`x-header-${index}`, 'v']))
  const forbidden = (name: string) =>
    refuse('argument_invalid', `${path}.${name}`, place, { 'a header of ours': { [name]: 'v' } })
  return together(
    types(path, place, 'an object'),
    types(`${path}.x-a`, (value, world) => place({ 'x-a': value }, world), 'a string'),
    refuse('argument_range', path, place, { 'too many': count(65), 'too long': { 'x-a': 'v'.repeat(8_200) } }),
    refuse('argument_invalid', path, place, { 'a bad name': { 'x a': 'v' }, 'half a pair as name': { [LONE]: 'v' } }),
    refuse('argument_invalid', `${path}.x-a`, place, {
      'a line break': { 'x-a': 'v\r\nx-b: v' },
      'a NUL': { 'x-a': 'v\0' },
      'half a surrogate pair': { 'x-a': LONE },
    }),
    ...['Host', 'content-length', 'transfer-encoding', 'webhook-id', 'Connection', 'expect'].map(forbidden),
    refuse('argument_invalid', `${path}.__proto__`, place, { 'an own __proto__': JSON.parse('{"__proto__":"v"}') }),
    accept(path, place, { 'as many as may be': count(64) }),
  )
}
