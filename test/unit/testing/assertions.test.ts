import assert from 'node:assert'
import { inspect } from 'node:util'
import { defineEvents, event } from 'hookferry'
import { createTestSender } from 'hookferry/testing'
import { describe, expect, it } from 'vitest'

interface Invoice {
  invoice: string
  amount: number
  lines: { item: string; price: number }[]
  paidAt?: string | null
}

const events = defineEvents({ 'invoice.paid': event<Invoice>(), 'invoice.voided': event<{ invoice: string }>() })
const URL = 'https://customer.example/webhooks'
const data: Invoice = { invoice: 'inv_1', amount: 990, lines: [{ item: 'cup', price: 990 }], paidAt: null }

async function testing() {
  const made = createTestSender({ events })
  await made.sender.endpoints.create({ url: URL })
  return made
}

/** What the call throws, as a test runner gets it. */
function thrown(call: () => unknown): assert.AssertionError {
  try {
    call()
  } catch (error) {
    assert(error instanceof assert.AssertionError, inspect(error))
    return error
  }
  throw new Error('it did not throw')
}

describe('sent', () => {
  it('lists what reached endpoints, read', async () => {
    const { sender, sent, requests } = await testing()
    const occurredAt = new Date('2025-12-31T10:00:00Z')
    const { id } = await sender.send({ type: 'invoice.paid', data, occurredAt })
    expect(sent()).toEqual([])
    await sender.drain()
    const [request] = requests
    expect(sent()).toEqual([
      {
        id,
        type: 'invoice.paid',
        data,
        occurredAt,
        url: URL,
        headers: request?.headers,
        body: request?.body,
        attempt: 1,
        at: new Date('2026-01-01T00:00:00Z'),
      },
    ])
  })

  it('lists each attempt at each endpoint, and those of one type', async () => {
    const { sender, sent, transport, clock } = await testing()
    await sender.endpoints.create({ url: 'https://other.example/', eventTypes: ['invoice.paid'] })
    transport.reply(({ url }, index) => (url === URL && index === 0 ? 500 : 200))
    await sender.send({ type: 'invoice.paid', data })
    await sender.send({ type: 'invoice.voided', data: { invoice: 'inv_2' } })
    await sender.drain({ until: new Date(clock.now() + 3_600_000) })
    const seen = sent().map(({ type, url, attempt }) => `${type} ${url} ${attempt}`)
    expect(seen.sort()).toEqual([
      `invoice.paid ${URL} 1`,
      `invoice.paid ${URL} 2`,
      'invoice.paid https://other.example/ 1',
      `invoice.voided ${URL} 1`,
    ])
    expect(sent('invoice.voided')).toHaveLength(1)
    expect(sent('invoice.paid').map(({ data: { amount } }) => amount)).toEqual([990, 990, 990])
  })

  it('lists a replay as another attempt', async () => {
    const { sender, sent } = await testing()
    const { id } = await sender.send({ type: 'invoice.paid', data })
    await sender.drain()
    await sender.replay({ eventId: id })
    await sender.drain()
    expect(sent().map((one) => [one.id, one.attempt])).toEqual([
      [id, 1],
      [id, 2],
    ])
  })

  it('lists a body of another form without type and data', async () => {
    const { sender, sent, assertNothingSent } = await testing()
    const body = Buffer.from('<paid/>')
    await sender.send({ type: 'invoice.paid', body, contentType: 'application/xml' })
    await sender.drain()
    expect(sent()).toMatchObject([{ type: null, data: null, occurredAt: null, attempt: 1 }])
    expect(Buffer.from(sent()[0]?.body ?? [])).toEqual(body)
    expect(sent('invoice.paid')).toEqual([])
    assertNothingSent('invoice.paid')
    expect(thrown(() => assertNothingSent()).message).toContain('7 bytes of another form to https://customer.example')
  })
})

describe('assertSent', () => {
  it('finds by type, and by some of the data at any depth', async () => {
    const { sender, assertSent } = await testing()
    const first = await sender.send({ type: 'invoice.paid', data })
    const second = await sender.send({ type: 'invoice.paid', data: { ...data, amount: 5 } })
    await sender.drain()
    expect(assertSent('invoice.paid').id).toBe(first.id)
    expect(assertSent('invoice.paid', undefined).id).toBe(first.id)
    expect(assertSent('invoice.paid', { amount: 5 }).id).toBe(second.id)
    expect(assertSent('invoice.paid', { invoice: 'inv_1', paidAt: null }).data.amount).toBe(990)
    assertSent('invoice.paid', { lines: [{ item: 'cup' }] })
    assertSent('invoice.paid', {})
  })

  it('asks the matchers of a runner', async () => {
    const { sender, assertSent } = await testing()
    await sender.send({ type: 'invoice.paid', data })
    await sender.drain()
    assertSent('invoice.paid', { amount: expect.any(Number), lines: expect.arrayContaining([expect.anything()]) })
    expect(() => assertSent('invoice.paid', { amount: expect.any(String) })).toThrow(assert.AssertionError)
  })

  const others: Record<string, object> = {
    'another value': { amount: 991 },
    'another value deep inside': { lines: [{ item: 'mug' }] },
    'fewer items than there are': { lines: [] },
    'more items than there are': { lines: [{ item: 'cup' }, { item: 'cup' }] },
    'null for what is there': { invoice: null },
    'what is not there': { extra: 1 },
    'a list for an object': { lines: { 0: { item: 'cup' } } },
    'an object for text': { invoice: { length: 5 } },
  }
  it.each(Object.entries(others))('does not take %s', async (_, other) => {
    const { sender, assertSent } = await testing()
    await sender.send({ type: 'invoice.paid', data })
    await sender.drain()
    const error = thrown(() => assertSent('invoice.paid', other as Partial<Invoice>))
    expect(error.expected).toEqual(other)
    expect(error.actual).not.toEqual(other)
  })

  it('says what was asked, and what was sent instead', async () => {
    const { sender, assertSent } = await testing()
    await sender.send({ type: 'invoice.paid', data: { ...data, lines: [] } })
    await sender.drain()
    const error = thrown(() => assertSent('invoice.paid', { amount: 1 }))
    expect(error.message).toBe(
      `assertSent('invoice.paid', {"amount":1}): no such webhook was sent. One was:
  'invoice.paid', {"invoice":"inv_1","amount":990,"lines":[],"paidAt":null} to https://customer.example/webhooks`,
    )
    // Only what was asked for: a runner shows the difference.
    expect([error.actual, error.expected]).toEqual([{ amount: 990 }, { amount: 1 }])
    const other = thrown(() => assertSent('invoice.voided'))
    expect(other.message).toContain("assertSent('invoice.voided'): no such webhook was sent. One was:")
    expect([other.actual, other.expected]).toEqual([['invoice.paid'], ['invoice.voided']])
  })

  it('says what to look at when nothing was sent', async () => {
    const { assertSent } = await testing()
    const { message } = thrown(() => assertSent('invoice.paid'))
    expect(message).toContain('No request was made at all: create an endpoint that wants it, and await sender.drain()')
  })

  it('begins its stack where it was called', async () => {
    const { assertSent, assertNothingSent, sender } = await testing()
    await sender.send({ type: 'invoice.paid', data })
    await sender.drain()
    for (const call of [() => assertSent('invoice.voided'), () => assertNothingSent()]) {
      const [, first] = thrown(call).stack?.split(/\n +at /) ?? []
      expect(first).toContain('assertions.test.ts')
    }
  })

  it('stays short, whatever was sent', async () => {
    const { sender, assertSent } = await testing()
    const big = { invoice: 'x'.repeat(10_000) }
    for (let index = 0; index < 50; index++) await sender.send({ type: 'invoice.voided', data: big })
    await sender.drain()
    const { message } = thrown(() => assertSent('invoice.paid'))
    expect(message.length).toBeLessThan(3_500)
    expect(message).toContain('50 were:\n  … 40 before these\n')
  })
})

describe('assertNothingSent', () => {
  it('of all, or of one type', async () => {
    const { sender, assertNothingSent } = await testing()
    assertNothingSent()
    await sender.send({ type: 'invoice.voided', data: { invoice: 'inv_1' } })
    assertNothingSent()
    await sender.drain()
    assertNothingSent('invoice.paid')
    const error = thrown(() => assertNothingSent())
    expect(error.message).toBe(
      `assertNothingSent(): One was sent:\n  'invoice.voided', {"invoice":"inv_1"} to https://customer.example/webhooks`,
    )
    expect([error.actual, error.expected]).toEqual([['invoice.voided'], []])
    expect(thrown(() => assertNothingSent('invoice.voided')).message).toContain("assertNothingSent('invoice.voided')")
  })
})
