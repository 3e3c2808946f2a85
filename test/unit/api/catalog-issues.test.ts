import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeIssues as describeAt } from '../../../src/api/describe-issues.ts'

/** What of a schema's issues is told, and that no value of the caller's is. */

const describeIssues = (issues: unknown, data: unknown) => describeAt(issues, data, 'send.data')
const one = (message: unknown, path?: unknown, data: unknown = {}) => describeIssues([{ message, path }], data)

describe('the place', () => {
  it.each<[unknown, string]>([
    [undefined, 'send.data'],
    [[], 'send.data'],
    [['items', 0, 'price'], 'send.data.items[0].price'],
    [[{ key: 'items' }, { key: 1 }], 'send.data.items[1]'],
    [['a b', ''], 'send.data[…][…]'],
    [['line\nbreak'], 'send.data[…]'],
    [[Symbol('s')], 'send.data[…]'],
    ['text', 'send.data'],
  ])('%j', (path, place) => {
    expect(one('no', path)).toBe(`${place}: no`)
  })
})

describe('how much', () => {
  it('is the first three, and how many more there are', () => {
    const issues = Array.from({ length: 5 }, (_, at) => ({ message: 'no', path: [at] }))
    expect(describeIssues(issues.slice(0, 3), [])).toBe('send.data[0]: no; send.data[1]: no; send.data[2]: no')
    expect(describeIssues(issues, [])).toBe('send.data[0]: no; send.data[1]: no; send.data[2]: no; and 2 more')
  })

  it('is bounded', () => {
    const issue = { message: 'm'.repeat(1_000), path: Array(1_000).fill('x'.repeat(1_000)) }
    expect(describeIssues(Array(1_000).fill(issue), {}).length).toBeLessThan(1_500)
  })

  it.each([[null], [[]], ['text'], [{}], [true]])('is the place alone where there are no issues: %j', (issues) => {
    expect(describeIssues(issues, 1)).toBe('send.data')
  })

  it.each([[null], [undefined], ['text'], [{}], [{ message: 5 }], [{ message: 'm'.repeat(1_001) }]])(
    'is the place alone where an issue has no message to show: %j',
    (issue) => {
      expect(describeIssues([issue], 1)).toBe('send.data: not as it should be')
    },
  )
})

describe('values', () => {
  it.each<[string, unknown, unknown, string]>([
    ['Received "secret-1"', ['a'], { a: 'secret-1' }, 'Received "…"'],
    ['secret-1secret-1', ['a'], { a: 'secret-1' }, '……'],
    ['got 12345', ['a'], { a: 12_345 }, 'got …'],
    ['got 5, at most 50', ['a'], { a: 5 }, 'got …, at most 50'],
    ['got 7n', ['a'], { a: 7n }, 'got …'],
    ['got 123456', ['a'], { a: 123_456n }, 'got …'],
    ['not a name: a', ['a'], { a: 'a' }, 'not … name: …'],
    ['a.b+c (d)', ['a'], { a: '(d)' }, 'a.b+c …'],
    ['2026-01-01T00:00:00.000Z is past', ['a'], { a: new Date('2026-01-01') }, '… is past'],
    ['"line\\nbreak" is long', ['a'], { a: 'line\nbreak' }, '"…" is long'],
    // Of everything below the place.
    ['secret-1 and secret-2', [], { a: ['secret-1'], b: { c: 'secret-2' } }, '… and …'],
    ['secret-1 and secret-2', ['m'], { m: new Map([['secret-1', new Set(['secret-2'])]]) }, '… and …'],
    ['secret-1 goes before its part', [], ['secret', 'secret-1'], '… goes before its part'],
    // Or of what is there, when the path leads nowhere.
    ['secret-1', ['a', 'b', 'c'], { a: { x: 'secret-1' } }, '…'],
    // What stands beside is not looked for: most messages have such words.
    ['must be a string', ['a'], { a: 1, b: 'string' }, 'must be a string'],
    ['Expected true but received false', ['a'], { a: false }, 'Expected true but received false'],
  ])('%s', (message, path, data, shown) => {
    expect(one(message, path, data).split(': ').slice(1).join(': ')).toBe(shown)
  })

  it('hide the message where they can not all be looked for', () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `value-${at}`)
    expect(one('value-1999', [], many)).toBe('send.data: not as it should be')
    const throwing = {
      get a() {
        throw new Error('no')
      },
    }
    expect(one('secret', [], throwing)).toBe('send.data: not as it should be')
  })

  it('may stand in a circle', () => {
    const circle: Record<string, unknown> = { a: 'secret-1' }
    circle.self = circle
    expect(one('secret-1', [], circle)).toBe('send.data: …')
  })

  it('never come through, whatever they are', () => {
    const value = fc.oneof(fc.string({ minLength: 4, unit: 'binary' }), fc.integer({ min: 10_000 }).map(String))
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { minKeys: 1 }), fc.string(), (data, words) => {
        for (const [key, secret] of Object.entries(data)) {
          const told = one(`\u0001${secret}\u0002${words.replaceAll(secret, '')}`, [key], data)
          const message = told.slice(told.indexOf('\u0001'), told.indexOf('\u0002') + 1)
          expect(message === '' || message === '\u0001…\u0002').toBe(true)
        }
      }),
    )
  })
})

describe('keys that are data', () => {
  it('are told neither in the place nor in the message', () => {
    const data = { balances: { 'bob@example.com': 'x' } }
    const message = 'Unrecognized key: "bob@example.com"'
    expect(one(message, ['balances'], data)).toBe('send.data.balances: Unrecognized key: "…"')
    expect(one('too low', ['balances', 'bob@example.com'], data)).toBe('send.data.balances[…]: too low')
  })
})
