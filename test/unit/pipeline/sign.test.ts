import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EndpointSecret } from '../../../src/model/endpoint.ts'
import type { EventContent } from '../../../src/model/event.ts'
import { attemptHeaders, type SigningInput } from '../../../src/pipeline/sign.ts'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'

const NOW = 1_700_000_000_999
const body = new TextEncoder().encode('{"type":"invoice.paid"}')
const event: EventContent = {
  id: 'evt_1',
  type: 'invoice.paid',
  contentType: 'application/json',
  body,
  headers: {},
  createdAt: 0,
}

const written = (fill: number) => `whsec_${Buffer.alloc(24, fill).toString('base64')}`
const secret = (fill: number, more: Partial<EndpointSecret> = {}): EndpointSecret => ({
  value: written(fill),
  createdAt: 0,
  expiresAt: null,
  ...more,
})
const headersOf = (more: Partial<SigningInput> = {}) =>
  attemptHeaders({
    event,
    endpointHeaders: {},
    secrets: [secret(1)],
    schemes: [standardWebhooks()],
    now: NOW,
    userAgent: 'hookferry/1',
    ...more,
  })

/** Which secrets signed, in order, worked out by hand. */
function signers(headers: Record<string, string>): number[] {
  const content = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  const signatures = headers['webhook-signature']?.split(' ') ?? []
  return signatures.map((signature) =>
    Array.from({ length: 256 }, (_, fill) => fill).findIndex(
      (fill) => signature === `v1,${createHmac('sha256', Buffer.alloc(24, fill)).update(content).digest('base64')}`,
    ),
  )
}

it('the whole set of headers of one attempt, and nothing else: no secret is among them', () => {
  const headers = headersOf({
    endpointHeaders: { 'X-Env': 'live' },
    event: { ...event, headers: { 'X-Trace': 'abc' } },
  })
  expect(headers).toMatchInlineSnapshot(`
    {
      "content-type": "application/json",
      "user-agent": "hookferry/1",
      "webhook-id": "evt_1",
      "webhook-signature": "v1,ZKrkGYfBM2DpJct5qB2ywF2++6SYDbNAOciUYu96hXI=",
      "webhook-timestamp": "1700000000",
      "x-env": "live",
      "x-trace": "abc",
    }
  `)
})

describe('names that meet', () => {
  it('are lower-cased; the event wins over the endpoint', () => {
    const endpointHeaders = { 'X-Team': 'endpoint', 'X-Env': 'live' }
    const headers = headersOf({ endpointHeaders, event: { ...event, headers: { 'x-team': 'event' } } })
    expect(headers).toMatchObject({ 'x-team': 'event', 'x-env': 'live' })
    expect(Object.keys(headers)).not.toContain('X-Team')
  })

  it('never override what a scheme writes', () => {
    const forged = { 'Webhook-Id': 'forged', 'webhook-timestamp': '1', 'WEBHOOK-SIGNATURE': 'v1,forged' }
    expect(headersOf({ endpointHeaders: forged, event: { ...event, headers: forged } })).toEqual(headersOf())
  })

  it('may set another user agent', () => {
    expect(headersOf({ endpointHeaders: { 'User-Agent': 'acme' } })['user-agent']).toBe('acme')
  })
})

it('every scheme signs', () => {
  const other = { name: 'other', headers: ['X-Other'], sign: () => ({ 'X-Other': 'signed' }) }
  expect(headersOf({ schemes: [other, standardWebhooks()] })).toEqual({ ...headersOf(), 'x-other': 'signed' })
})

it('the timestamp is that of the attempt, in whole seconds gone by', () => {
  expect(headersOf()['webhook-timestamp']).toBe('1700000000')
  expect(headersOf({ now: NOW + 1 })['webhook-timestamp']).toBe('1700000001')
})

describe('rotation', () => {
  it('both secrets sign during the overlap, the newer one first', () => {
    const old = secret(1, { createdAt: 1, expiresAt: NOW + 1 })
    const fresh = secret(2, { createdAt: 2 })
    expect(signers(headersOf({ secrets: [old, fresh] }))).toEqual([2, 1])
    expect(signers(headersOf({ secrets: [fresh, old] }))).toEqual([2, 1])
  })

  it('a secret signs no more from the moment of its expiry', () => {
    const old = secret(1, { createdAt: 1, expiresAt: NOW })
    expect(signers(headersOf({ secrets: [old, secret(2)] }))).toEqual([2])
    expect(signers(headersOf({ secrets: [old, secret(2)], now: NOW - 1 }))).toEqual([1, 2])
  })

  it('an attempt that no secret signs is refused', () => {
    const expired = secret(1, { expiresAt: NOW })
    expect(() => headersOf({ secrets: [expired] })).toThrow(expect.objectContaining({ code: 'endpoint_state_invalid' }))
  })
})

describe('for any secrets', () => {
  const moment = fc.integer({ min: NOW - 3, max: NOW + 3 })
  const secrets = fc.uniqueArray(fc.record({ fill: fc.nat(255), createdAt: moment, expiresAt: fc.option(moment) }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ fill }) => fill,
  })

  it('exactly those in force sign, newest first, and none is shown', () => {
    fc.assert(
      fc.property(secrets, (items) => {
        const given = [
          secret(0, { createdAt: 0 }),
          ...items.filter(({ fill }) => fill > 0).map(({ fill, ...rest }) => secret(fill, rest)),
        ]
        const headers = headersOf({ secrets: given })
        const live = items.filter(({ fill, expiresAt }) => fill > 0 && (expiresAt === null || expiresAt > NOW))
        const signed = signers(headers)
        expect([...signed].sort()).toEqual([0, ...live.map(({ fill }) => fill)].sort())
        const ages = signed.map((fill) => live.find((item) => item.fill === fill)?.createdAt ?? 0)
        expect(ages).toEqual([...ages].sort((a, b) => b - a))
        const all = JSON.stringify(headers)
        for (const { value } of given) {
          const bytes = Buffer.from(value.slice(6), 'base64')
          for (const form of [value, value.slice(6), bytes.toString('hex'), bytes.toString('base64url')]) {
            expect(all).not.toContain(form)
          }
        }
      }),
    )
  })
})
