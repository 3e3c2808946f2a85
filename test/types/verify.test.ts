import { createServer } from 'node:http'
import type { Request as ExpressRequest } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Context } from 'hono'
import { defineEvents, event } from 'hookferry/events'
import { type Verified, type VerifiedRaw, verify } from 'hookferry/verify'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

interface Invoice {
  invoice: string
  amount: number
}

const events = defineEvents({
  'invoice.paid': event<Invoice>(),
  'user.created': event(z.object({ id: z.string(), at: z.string().transform((text) => new Date(text)) })),
})

type Event = Verified<typeof events>

/** Never called: only what compiles is asked here. */
const unused = (_: unknown) => undefined

describe('the answer of verify', () => {
  it('narrows data by type', () => {
    unused((event: Event) => {
      switch (event.type) {
        case 'invoice.paid':
          expectTypeOf(event.data).toEqualTypeOf<Invoice>()
          return event.data.amount
        case 'user.created':
          // The output of the schema, written as JSON: a Date is text by then.
          expectTypeOf(event.data).toEqualTypeOf<{ id: string; at: string }>()
          expectTypeOf(event.occurredAt).toEqualTypeOf<Date>()
          return event.data.at
        case null:
          expectTypeOf(event).toEqualTypeOf<VerifiedRaw>()
          expectTypeOf(event.data).toEqualTypeOf<null>()
          return event.body.byteLength
        default:
          expectTypeOf(event).toBeNever()
          return undefined
      }
    })
    unused(async (request: Request) => {
      const event = await verify<typeof events>(request, 'whsec_')
      if (event.type === 'invoice.paid') expectTypeOf(event.data.amount).toEqualTypeOf<number>()
      // @ts-expect-error data is not known before type is
      event.data.amount
      // @ts-expect-error the catalogue has no such type
      event.type === 'invoice.payed'
    })
  })

  it('always has id, timestamp and body', () => {
    expectTypeOf<Event['id']>().toEqualTypeOf<string>()
    expectTypeOf<Event['timestamp']>().toEqualTypeOf<Date>()
    expectTypeOf<Event['body']>().toEqualTypeOf<Uint8Array>()
  })

  it('without a catalogue has any type, and unknown data', () => {
    expectTypeOf<Verified['type']>().toEqualTypeOf<string | null>()
    expectTypeOf<Verified['data']>().toBeUnknown()
    expectTypeOf<Verified['occurredAt']>().toEqualTypeOf<Date | null>()
  })

  it('is typed as well by a catalogue of types alone', () => {
    const byTypes = defineEvents<{ 'invoice.paid': Invoice }>()
    type Typed = Extract<Verified<typeof byTypes>, { type: 'invoice.paid' }>
    expectTypeOf<Typed['data']>().toEqualTypeOf<Invoice>()
  })
})

describe('verify takes', () => {
  it('requests of each kind', () => {
    unused((fetch: Request, express: ExpressRequest, fastify: FastifyRequest, hono: Context) => [
      verify(fetch, 'whsec_'),
      verify(express, 'whsec_'),
      verify({ headers: fastify.headers, body: fastify.body as Buffer }, 'whsec_'),
      verify(hono.req.raw, 'whsec_'),
      createServer((request) => verify({ headers: request.headers, body: Buffer.alloc(0) }, 'whsec_')),
      verify({ headers: new Headers(), body: 'text' }, ['whsec_', 'whpk_'] as const),
      verify({ headers: new Map([['webhook-id', 'evt_1']]), body: new ArrayBuffer(0) }, []),
    ])
  })

  it('no parsed body, no secret that may be missing, no unknown option', () => {
    unused((request: Request, parsed: { type: string }, secret: string | undefined) => [
      // @ts-expect-error a parsed body is not what was signed
      verify({ headers: request.headers, body: parsed }, 'whsec_'),
      // @ts-expect-error an environment variable may be missing
      verify(request, secret),
      // @ts-expect-error in seconds it is not
      verify(request, 'whsec_', { tolerance: 300 }),
      // @ts-expect-error a clock, not a moment
      verify(request, 'whsec_', { now: new Date() }),
    ])
  })
})
