import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CheckedEvent, type PrepareInput, prepareEvent, writeContent } from '../../../src/pipeline/send.ts'

const NOW = Date.UTC(2026, 0, 1)
const checked: CheckedEvent = {
  tenant: 'acme',
  type: 'invoice.paid',
  content: { data: { amount: 1 } },
  id: null,
  occurredAt: null,
  deliverAt: null,
  idempotencyKey: null,
  orderingKey: null,
  headers: {},
  endpointIds: null,
  metadata: {},
}
const prepare = (more: Partial<CheckedEvent> = {}, input: Partial<PrepareInput> = {}) =>
  prepareEvent({
    written: writeContent({ ...checked, ...more }, { path: 'send', payloadMaxBytes: 1e6, given: null }),
    now: NOW,
    generatedId: 'evt_made',
    payloadMaxBytes: 1_024,
    idempotencyMs: 60_000,
    digest: (bytes) => createHash('sha256').update(bytes).digest('hex'),
    isoTime: (ms) => new Date(ms).toISOString(),
    ...input,
  })
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const data = (value: unknown) => prepare({ content: { data: value } })
const raw = (bytes: number[], contentType = 'application/octet-stream') => ({
  content: { body: Uint8Array.from(bytes), contentType },
})

describe('the event', () => {
  it('has the defaults of what was left out', () => {
    const { event, idGiven, endpointIds } = prepare()
    expect(event).toMatchObject({
      id: 'evt_made',
      tenant: 'acme',
      occurredAt: NOW,
      createdAt: NOW,
      deliverAt: NOW,
      idempotencyKey: null,
      orderingKey: null,
      contentType: 'application/json',
      canceledAt: null,
    })
    expect({ idGiven, endpointIds }).toEqual({ idGiven: false, endpointIds: null })
  })

  it('has what was given', () => {
    const given = { id: 'own', occurredAt: NOW - 9, deliverAt: NOW + 9, idempotencyKey: 'k', endpointIds: ['ep_1'] }
    const { event, idGiven, endpointIds } = prepare({ ...given, headers: { 'x-a': '1' }, metadata: { plan: 'gold' } })
    expect(event).toMatchObject({ id: 'own', occurredAt: NOW - 9, deliverAt: NOW + 9, idempotencyKey: 'k' })
    expect(event).toMatchObject({ headers: { 'x-a': '1' }, metadata: { plan: 'gold' } })
    expect({ idGiven, endpointIds }).toEqual({ idGiven: true, endpointIds: ['ep_1'] })
  })

  it('keeps its ordering key', () => {
    expect(prepare({ orderingKey: 'invoice_7' }).event.orderingKey).toBe('invoice_7')
    expect(prepare({ id: 'a', orderingKey: 'invoice_7' }).hash).not.toBe(
      prepare({ id: 'a', orderingKey: 'invoice_8' }).hash,
    )
  })

  it('remembers its idempotency key for so long, and no key for no time', () => {
    expect(prepare({ idempotencyKey: 'k' }).idempotencyExpiresAt).toBe(NOW + 60_000)
    expect(prepare().idempotencyExpiresAt).toBeNull()
  })

  it('is never due before it was accepted', () => {
    expect(prepare({ deliverAt: 5 }).event.deliverAt).toBe(NOW)
  })
})

describe('the body', () => {
  it('is the envelope of Standard Webhooks, with the moment at which it happened', () => {
    const { body } = prepare({ occurredAt: Date.UTC(2025, 11, 31, 23, 59, 59, 7) }).event
    expect(text(body)).toBe('{"type":"invoice.paid","timestamp":"2025-12-31T23:59:59.007Z","data":{"amount":1}}')
  })

  it('holds any data that JSON can write, unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text_ = JSON.stringify(value)
        if (text_.includes('"__proto__":')) return
        const { event } = prepare({ content: { data: value } }, { payloadMaxBytes: 1e6 })
        expect(JSON.stringify(JSON.parse(text(event.body)).data)).toBe(text_)
      }),
    )
  })

  it('is serialised once: a toJSON is called once', () => {
    let calls = 0
    const moody = { toJSON: () => ++calls }
    expect(text(data(moody).event.body)).toMatch(/"data":1}$/)
    expect(calls).toBe(1)
  })

  it('given as bytes is those bytes, copied, whatever kind of array they came in', () => {
    const bytes = [0xff, 0xfe, 0, 1]
    for (const given of [Uint8Array.from(bytes), Buffer.from(bytes), Buffer.from([9, ...bytes, 9]).subarray(1, 5)]) {
      const { event } = prepare({ content: { body: given, contentType: 'application/x' } })
      given.fill(7)
      expect([...event.body]).toEqual(bytes)
      expect(event.contentType).toBe('application/x')
      expect(event.body.buffer.byteLength).toBe(4)
    }
  })

  it('may be as large as the limit and no larger, in bytes', () => {
    const envelope = data('').event.body.byteLength
    const fits = prepare({ content: { data: 'é'.repeat(10) } }, { payloadMaxBytes: envelope + 20 })
    expect(fits.event.body.byteLength).toBe(envelope + 20)
    const tooLarge = () => prepare({ content: { data: 'é'.repeat(10) } }, { payloadMaxBytes: envelope + 19 })
    expect(tooLarge).toThrow(expect.objectContaining({ code: 'payload_too_large', retryable: false }))
    expect(() => prepare(raw(Array(1_025).fill(0)))).toThrow(/1025 bytes, 1024 are allowed/)
    expect(prepare(raw(Array(1_024).fill(0))).event.body.byteLength).toBe(1_024)
  })
})

describe('well-formedness', () => {
  it('half of a surrogate pair is refused wherever it stands, a whole pair and its look are not', () => {
    const invalid = expect.objectContaining({ code: 'event_invalid' })
    for (const value of ['\ud800', 'a\udfffb', ['x', { y: '\udbff' }], { 'k\ud800': 1 }, '\\\ud800', '\\\\\udc00']) {
      expect(() => data(value), JSON.stringify(value)).toThrow(invalid)
    }
    for (const value of ['\ud83d\ude00', '\\ud800', '\\\\ud800', '"\\ud800', { '\\udfff': 1 }]) {
      expect(() => data(value), JSON.stringify(value)).not.toThrow()
    }
  })

  it('agrees with isWellFormed on any string', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\\', 'u', 'd800', '\ud800', '\udc00', '"', 'x')), (parts) => {
        const value = parts.join('')
        const whole = value.isWellFormed()
        if (whole) expect(() => data(value)).not.toThrow()
        else expect(() => data(value)).toThrow(/surrogate/)
      }),
      { numRuns: 500 },
    )
  })

  it('a key __proto__ is refused wherever it stands, its look is not', () => {
    for (const json of ['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', '{"a":"\\\\","__proto__":1}']) {
      expect(() => data(JSON.parse(json)), json).toThrow(/__proto__/)
    }
    for (const value of ['"__proto__":', '\\"__proto__":', { 'a"__proto__': 1 }, { __proto: 1 }, ['__proto__']]) {
      expect(() => data(value)).not.toThrow()
    }
  })

  it('what throws while it is written is told with its cause', () => {
    const cause = new Error('of the host')
    const thrower = {
      toJSON() {
        throw cause
      },
    }
    expect(() => data(thrower)).toThrow(expect.objectContaining({ code: 'event_invalid', cause }))
  })
})

describe('the hash', () => {
  const hash = (more: Partial<CheckedEvent> = {}, input: Partial<PrepareInput> = {}) =>
    prepare({ idempotencyKey: 'k', ...more }, input).hash

  it('is not made where nothing is compared with it', () => {
    expect(prepare().hash).toBe('')
    expect(prepare({ id: 'own' }).hash).toBe(hash())
  })

  it('is the same for the same call at another time, under another generated id and limit', () => {
    expect(hash({}, { now: NOW + 5_000, generatedId: 'evt_other', payloadMaxBytes: 9_999 })).toBe(hash())
  })

  it('does not depend on what it stands beside: id and key', () => {
    expect(hash({ id: 'own', idempotencyKey: 'k' })).toBe(hash())
  })

  it('differs when any argument differs, left out or given as its default', () => {
    const others: Partial<CheckedEvent>[] = [
      {},
      { type: 'invoice.voided' },
      { content: { data: { amount: 2 } } },
      { content: { data: { amount: '1' } } },
      { content: { body: new TextEncoder().encode('{"amount":1}'), contentType: 'application/json' } },
      { content: { body: new TextEncoder().encode('{"amount":1}'), contentType: 'text/plain' } },
      raw([0xff]),
      raw([0xfe]),
      { occurredAt: NOW },
      { deliverAt: NOW },
      { headers: { 'x-a': '1' } },
      { headers: { 'x-a': '2' } },
      { endpointIds: ['ep_1'] },
      { endpointIds: ['ep_1', 'ep_2'] },
      { metadata: { 'x-a': '1' } },
    ]
    expect(new Set(others.map((other) => hash(other))).size).toBe(others.length)
  })

  it('tells a body apart from data that looks like its digest', () => {
    const body = raw([1], 'text/plain')
    const digest = createHash('sha256')
      .update(Uint8Array.from([1]))
      .digest('hex')
    expect(hash({ content: { data: digest } })).not.toBe(hash(body))
  })
})
