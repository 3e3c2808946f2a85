import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EndpointRecord, HEALTHY } from '../../../src/model/endpoint.ts'
import { assertPattern, buildMatcher, fanOut, matches, slice } from '../../../src/pipeline/fan-out.ts'

const endpoint = (id: string, eventTypes: string[] | null, more: Partial<EndpointRecord> = {}): EndpointRecord => ({
  id,
  tenant: 'acme',
  url: 'https://example.com/',
  eventTypes,
  description: null,
  headers: {},
  secrets: [],
  overrides: {},
  metadata: {},
  urlVersion: 1,
  state: 'active',
  stateReason: null,
  stateChangedAt: 0,
  health: HEALTHY,
  createdAt: 0,
  updatedAt: 0,
  createdVersion: 1,
  ...more,
})
const ids = (endpoints: readonly EndpointRecord[]) => endpoints.map(({ id }) => id)

/** A second way to the same answer: each pattern as a regular expression. */
const byRegExp = (pattern: string, type: string) => {
  const segments = pattern.split('.').map((segment) => {
    if (segment === '**') return '[^.]+(\\.[^.]+)*'
    return segment === '*' ? '[^.]+' : segment
  })
  return new RegExp(`^${segments.join('\\.')}$`).test(type)
}

const segment = fc.constantFrom('a', 'b', 'ab', 'A', '_')
const type = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 3 }), fc.constantFrom('*', '**', 'a', 'b'))
  .map(([segments, last]) => [...segments, last].join('.'))
const patterns = fc.option(fc.array(pattern, { maxLength: 4 }))

describe('patterns', () => {
  const table: [string, string[], string[]][] = [
    [
      'invoice.paid',
      ['invoice.paid'],
      ['invoice', 'invoice.paid.late', 'invoice_paid', 'Invoice.paid', 'xinvoice.paid'],
    ],
    ['invoice.*', ['invoice.paid', 'invoice.x'], ['invoice', 'invoice.paid.late', 'invoices.paid']],
    ['invoice.**', ['invoice.paid', 'invoice.paid.late'], ['invoice', 'invoices.paid']],
    ['*', ['invoice'], ['invoice.paid']],
    ['*.paid', ['invoice.paid', 'bill.paid'], ['paid', 'a.b.paid', 'invoice.unpaid']],
    ['*.*', ['invoice.paid'], ['invoice', 'a.b.c']],
    ['*.**', ['invoice.paid', 'a.b.c'], ['invoice']],
    ['**', ['invoice', 'invoice.paid', 'a.b.c.d'], []],
  ]
  for (const [pattern, wanted, others] of table) {
    it(pattern, () => {
      expect(wanted.filter((type) => !matches([pattern], type))).toEqual([])
      expect(others.filter((type) => matches([pattern], type))).toEqual([])
    })
  }

  it('one of several is enough, none is none, null is every type', () => {
    expect(matches(['a', 'b.*'], 'b.c')).toBe(true)
    expect(matches([], 'a')).toBe(false)
    expect(matches(null, 'a.b')).toBe(true)
  })

  it('agree with regular expressions', () => {
    fc.assert(
      fc.property(pattern, type, (pattern, type) => {
        expect(matches([pattern], type)).toBe(byRegExp(pattern, type))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('assertPattern', () => {
  it('takes what the matcher understands', () => {
    for (const good of ['a', 'A_1.b', '*', '**', 'a.*', 'a.**', '*.*.b', 'a'.repeat(128)]) assertPattern(good, 'path')
    fc.assert(fc.property(pattern, (pattern) => assertPattern(pattern, 'path')))
  })

  const bad = [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '**.a',
    'a.**.b',
    '**.**',
    'a*',
    'a.b*',
    '***',
    'a-b',
    'a b',
    'é',
    'a.$',
    'a\n',
  ]
  for (const pattern of bad) {
    it(`refuses ${JSON.stringify(pattern)}`, () => {
      const refusal = expect.objectContaining({ code: 'argument_invalid', path: 'endpoint.eventTypes[0]' })
      expect(() => assertPattern(pattern, 'endpoint.eventTypes[0]')).toThrow(refusal)
    })
  }

  it('refuses more than 128 characters', () => {
    expect(() => assertPattern('a'.repeat(129), 'path')).toThrow(expect.objectContaining({ code: 'argument_range' }))
  })
})

describe('the matcher', () => {
  it('finds each endpoint once, by ascending id, whatever its state', () => {
    const endpoints = [
      endpoint('ep_d', null),
      endpoint('ep_b', ['invoice.*', 'invoice.paid', '**']),
      endpoint('ep_c', ['invoice.paid'], { state: 'paused' }),
      endpoint('ep_a', ['user.*']),
      endpoint('ep_e', []),
    ]
    expect(ids(buildMatcher(endpoints).match('invoice.paid'))).toEqual(['ep_b', 'ep_c', 'ep_d'])
    expect(ids(buildMatcher(endpoints).match('user.created'))).toEqual(['ep_a', 'ep_b', 'ep_d'])
    expect(ids(buildMatcher(endpoints).match('other'))).toEqual(['ep_b', 'ep_d'])
    expect(ids(buildMatcher([]).match('other'))).toEqual([])
  })

  it('agrees with testing one endpoint after the other', () => {
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 20 }), fc.array(type), fc.nat(), (sets, types, turn) => {
        const endpoints = sets.map((set, index) => endpoint(`ep_${(index * 7 + turn) % 20}_${index}`, set))
        const matcher = buildMatcher(endpoints)
        for (const type of types) {
          const expected = endpoints.filter(({ eventTypes }) => matches(eventTypes, type))
          expect(ids(matcher.match(type))).toEqual(ids(expected).sort())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('is quick for 10,000 endpoints: what does not match costs nothing', () => {
    const endpoints = Array.from({ length: 10_000 }, (_, index) =>
      endpoint(
        `ep_${String(index).padStart(5, '0')}`,
        index % 2 === 0 ? [`type.n${index}`] : [`group${index % 50}.*`, '*'],
      ),
    )
    const matcher = buildMatcher(endpoints)
    let tested = 0
    const counting = new Proxy(endpoints[0] ?? endpoint('', null), {
      get: (target, key) => {
        tested += 1
        return Reflect.get(target, key)
      },
    })
    expect(ids(matcher.match('type.n4'))).toEqual(['ep_00004'])
    const watched = buildMatcher([counting, ...endpoints.slice(1)])
    tested = 0
    for (let turn = 0; turn < 100; turn++) watched.match('type.n4')
    expect(tested).toBe(0)
  })
})

describe('fanOut', () => {
  const event = { type: 'invoice.paid', createdAt: 1_000, deliverAt: 1_000 }
  const matched = ['ep_a', 'ep_b', 'ep_c'].map((id) => endpoint(id, null))

  it('writes up to so many deliveries with the event', () => {
    expect(fanOut({ event, matched, inlineMax: 3 })).toEqual({
      fanOut: 'inline',
      deliveries: ['ep_a', 'ep_b', 'ep_c'].map((endpointId) => ({ endpointId, dueAt: 1_000, leaseUntil: null })),
    })
    expect(fanOut({ event, matched: [], inlineMax: 3 })).toEqual({ fanOut: 'inline', deliveries: [] })
  })

  it('leaves more than that to the background', () => {
    expect(fanOut({ event, matched, inlineMax: 2 })).toEqual({ fanOut: 'background', deliveries: [] })
  })

  it('never makes a delivery due before its time', () => {
    const dueAt = (deliverAt: number) =>
      fanOut({ event: { ...event, deliverAt }, matched, inlineMax: 3 }).deliveries[0]?.dueAt
    expect(dueAt(5_000)).toBe(5_000)
    expect(dueAt(0)).toBe(1_000)
  })
})

describe('slice', () => {
  const event = { id: 'evt_1', tenant: 'acme', type: 'invoice.paid', deliverAt: 5_000 }
  const matched = ['ep_a', 'ep_b', 'ep_c', 'ep_d'].map((id) => endpoint(id, null))
  const sliced = (cursor: string, size: number, more = matched) =>
    slice({ fanOut: { event, endpointsVersion: 3, endpointIds: null, cursor }, matched: more, size, now: 9_000 })

  it('goes on after the cursor, and says where it ends', () => {
    expect(sliced('ep_a', 2)).toEqual({
      now: 9_000,
      eventId: 'evt_1',
      from: 'ep_a',
      to: 'ep_c',
      deliveries: ['ep_b', 'ep_c'].map((endpointId) => ({ endpointId, dueAt: 5_000, leaseUntil: null })),
    })
  })

  it('is the last when nothing is left after it', () => {
    expect(sliced('ep_b', 2)).toMatchObject({ to: null, deliveries: [{ endpointId: 'ep_c' }, { endpointId: 'ep_d' }] })
    expect(sliced('ep_d', 2)).toMatchObject({ to: null, deliveries: [] })
    expect(sliced('', 4, [])).toMatchObject({ from: '', to: null, deliveries: [] })
  })

  it('leaves out endpoints created after the event was accepted', () => {
    const late = matched.map((endpoint, index) => ({ ...endpoint, createdVersion: index + 1 }))
    const { deliveries, to } = sliced('', 3, late)
    expect(deliveries.map(({ endpointId }) => endpointId)).toEqual(['ep_a', 'ep_b', 'ep_c'])
    expect(to).toBeNull()
  })

  it('slices of any size give each endpoint of then its one delivery, and end', () => {
    const endpoints = fc.uniqueArray(
      fc.record({ id: fc.stringMatching(/^ep_[0-9A-Z]{1,3}$/), createdVersion: fc.nat(6) }),
      {
        selector: ({ id }) => id,
        maxLength: 30,
      },
    )
    fc.assert(
      fc.property(endpoints, fc.integer({ min: 1, max: 8 }), (given, size) => {
        const records = given.map(({ id, createdVersion }) => endpoint(id, null, { createdVersion }))
        const all = buildMatcher(records).match('invoice.paid')
        const written: string[] = []
        let cursor: string | null = ''
        for (let turns = 0; cursor !== null; turns++) {
          expect(turns).toBeLessThanOrEqual(given.length)
          const part: ReturnType<typeof slice> = sliced(cursor, size, [...all])
          expect(part.from).toBe(cursor)
          expect(part.deliveries.length).toBeLessThanOrEqual(size)
          written.push(...part.deliveries.map(({ endpointId }) => endpointId))
          cursor = part.to
        }
        const expected = given.filter(({ createdVersion }) => createdVersion <= 3).map(({ id }) => id)
        expect(written).toEqual(expected.sort())
      }),
    )
  })
})
