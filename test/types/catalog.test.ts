import type { StandardSchemaV1 } from '@standard-schema/spec'
import type BetterSqlite3 from 'better-sqlite3'
import {
  type AnyTenantSender,
  type AnyWebhookSender,
  type Catalog,
  createWebhookSender,
  defineEvents,
  type EventData,
  type EventDefinition,
  type EventInput,
  type EventName,
  type EventOutput,
  event,
  type SenderOptions,
  type SendResult,
  type StandardSchema,
  type TenantSender,
  type TxSendResult,
  type WebhookSender,
} from 'hookferry'
import * as fromSubpath from 'hookferry/events'
import { type MemoryStorage, memory } from 'hookferry/memory'
import { type PostgresStorage, postgres } from 'hookferry/postgres'
import type { Storage } from 'hookferry/storage'
import { createTestSender } from 'hookferry/testing'
import type { Client } from 'pg'
import * as v from 'valibot'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

/** What a catalogue makes of the types of everything else. `npm run typecheck` is where this fails: nothing here is run. */

interface Invoice {
  id: string
  amount: number
  due?: Date
}

const events = defineEvents({
  'invoice.paid': event<Invoice>(),
  'user.created': event(
    z.object({
      name: z.string(),
      born: z.string().transform((text) => new Date(text)),
      plan: z.string().default('free'),
    }),
  ),
  'user.renamed': event(v.object({ from: v.string(), to: v.optional(v.string(), 'nobody') })),
  note: event<string>(),
})
type Events = typeof events

declare const sender: WebhookSender<Events>
declare const invoice: Invoice
declare const db: BetterSqlite3.Database
declare const client: Client
const body = new Uint8Array()

/** Never called: only its types count. */
const typed = (_check: (given: never) => unknown): void => {}

describe('send', () => {
  it('takes a type with its own data', () => {
    typed(() => {
      expectTypeOf(sender.send({ type: 'invoice.paid', data: invoice })).resolves.toEqualTypeOf<SendResult>()
      void sender.send({ type: 'invoice.paid', data: { id: 'inv_1', amount: 1 }, tenant: 'acme', idempotencyKey: 'k' })
      void sender.send({ type: 'user.renamed', data: { from: 'a' } })
      void sender.forTenant('acme').send({ type: 'note', data: 'text' })
    })
    // @ts-expect-error: no such type
    typed(() => sender.send({ type: 'invoice.payed', data: invoice }))
    // @ts-expect-error: no such type, as a body neither
    typed(() => sender.send({ type: 'invoice.payed', body, contentType: 'text/xml' }))
    // @ts-expect-error: any text is no type
    typed((type: string) => sender.send({ type, data: invoice }))
    // @ts-expect-error: the data of another type
    typed(() => sender.send({ type: 'invoice.paid', data: { from: 'a' } }))
    // @ts-expect-error: a field of another type
    typed(() => sender.send({ type: 'invoice.paid', data: { id: 'inv_1', amount: '1' } }))
    // @ts-expect-error: a field left out
    typed(() => sender.send({ type: 'invoice.paid', data: { id: 'inv_1' } }))
    // @ts-expect-error: a field that it does not have
    typed(() => sender.send({ type: 'invoice.paid', data: { id: 'inv_1', amount: 1, currency: 'EUR' } }))
    // @ts-expect-error: no data
    typed(() => sender.send({ type: 'invoice.paid' }))
    // @ts-expect-error: no type
    typed(() => sender.send({ data: invoice }))
    // @ts-expect-error: an option that it does not have
    typed(() => sender.send({ type: 'note', data: 'text', key: 'k' }))
    // @ts-expect-error: under forTenant, too
    typed(() => sender.forTenant('acme').send({ type: 'note', data: 5 }))
  })

  it('takes a raw body for any of its types', () => {
    typed(() => sender.send({ type: 'invoice.paid', body, contentType: 'application/xml' }))
    // @ts-expect-error: both
    typed(() => sender.send({ type: 'invoice.paid', body, contentType: 'application/xml', data: invoice }))
    // @ts-expect-error: a body without its content type
    typed(() => sender.send({ type: 'invoice.paid', body }))
  })

  it('takes no explicit undefined', () => {
    // @ts-expect-error: of the data
    typed(() => sender.send({ type: 'invoice.paid', data: undefined }))
    // @ts-expect-error: of the data, though the schema would take it: JSON has none
    typed(() => onSchema(z.string().optional()).send({ type: 'a', data: undefined }))
    typed(() => onSchema(z.string().nullish()).send({ type: 'a', data: null }))
    // @ts-expect-error: of the tenant
    typed(() => sender.send({ type: 'note', data: 'text', tenant: undefined }))
    // @ts-expect-error: of the catalogue
    typed(() => createWebhookSender({ events: undefined }))
  })

  it('does not mix types and data where the type is one of several', () => {
    // @ts-expect-error: the data of one of both
    typed((type: 'invoice.paid' | 'user.renamed') => sender.send({ type, data: invoice }))
    // @ts-expect-error: the data of either
    typed((type: 'invoice.paid' | 'note', data: Invoice | string) => sender.send({ type, data }))
    // @ts-expect-error: any name of the catalogue
    typed((type: EventName<Events>) => sender.send({ type, data: 'text' }))
    typed((type: 'invoice.paid' | 'note') =>
      sender.send(type === 'note' ? { type, data: 'text' } : { type, data: invoice }),
    )
    typed((one: EventInput<Events>) => sender.send(one))
    typed((one: EventInput<Events, 'note' | 'invoice.paid'>) => sender.send(one))
    typed((both: { type: 'note'; data: string } | { type: 'invoice.paid'; data: Invoice }) => sender.send(both))
  })

  it('takes what a function of one’s own makes', () => {
    const paid = (data: Invoice): EventInput<Events, 'invoice.paid'> => ({ type: 'invoice.paid', data })
    typed(() => sender.send(paid(invoice)))
    const make = <K extends EventName<Events>>(type: K, data: EventData<Events, K>): EventInput<Events, K> => ({
      type,
      data,
    })
    typed(() => sender.send(make('note', 'text')))
    // @ts-expect-error: the data of another type
    typed(() => make('note', invoice))
    // @ts-expect-error: an event of another type
    typed((): EventInput<Events, 'note'> => paid(invoice))
  })
})

const onSchema = <S extends StandardSchema>(schema: S) =>
  createWebhookSender({ events: defineEvents({ a: event(schema) }) })

describe('a schema', () => {
  it('has an input that is sent, and an output that comes', () => {
    expectTypeOf<EventData<Events, 'user.created'>>().toEqualTypeOf<{
      name: string
      born: string
      plan?: string | undefined
    }>()
    // A Date is text once it was JSON.
    expectTypeOf<EventOutput<Events, 'user.created'>>().toEqualTypeOf<{ name: string; born: string; plan: string }>()
    expectTypeOf<EventData<Events, 'user.renamed'>>().toEqualTypeOf<{ from: string; to?: string | undefined }>()
    expectTypeOf<EventOutput<Events, 'user.renamed'>>().toEqualTypeOf<{ from: string; to: string }>()
    expectTypeOf<EventData<Events, 'invoice.paid'>>().toEqualTypeOf<Invoice>()
    expectTypeOf<EventOutput<Events, 'invoice.paid'>>().toEqualTypeOf<{ id: string; amount: number; due?: string }>()
    // @ts-expect-error: the output is not taken
    typed(() => sender.send({ type: 'user.created', data: { name: 'Ada', born: new Date(), plan: 'free' } }))
  })

  it('may be written by hand, with or without its types', () => {
    const validate = (value: unknown) => ({ value: String(value) })
    const bare = { '~standard': { version: 1 as const, vendor: 'own', validate } }
    expectTypeOf(() => event(bare)).returns.toEqualTypeOf<EventDefinition<unknown, string>>()
    expectTypeOf(() => event({} as StandardSchema<number, string>)).returns.toEqualTypeOf<
      EventDefinition<number, string>
    >()
    // @ts-expect-error: another version
    typed(() => event({ '~standard': { version: 2 as const, vendor: 'own', validate } }))
    // @ts-expect-error: no schema
    typed(() => event({ type: 'object' }))
    // @ts-expect-error: a type and a schema: the schema has a type
    typed(() => event<Invoice>(z.object({})))
  })

  it('is the one of the standard, which nobody has to install', () => {
    expectTypeOf<StandardSchemaV1<number, string>>().toExtend<StandardSchema<number, string>>()
    expectTypeOf<StandardSchema<number, string>>().toExtend<StandardSchemaV1<number, string>>()
    expectTypeOf<StandardSchemaV1.InferInput<StandardSchema<number, string>>>().toBeNumber()
    expectTypeOf<StandardSchemaV1.InferOutput<StandardSchema<number, string>>>().toBeString()
  })
})

describe('data that was JSON', () => {
  type Written<T> = EventOutput<{ a: EventDefinition<T> }, 'a'>

  it('has what JSON has', () => {
    expectTypeOf<Written<{ at: Date; url: URL; list: [Date, number] }>>().toEqualTypeOf<{
      at: string
      url: string
      list: [string, number]
    }>()
    expectTypeOf<Written<{ readonly a?: Date[] | null }>>().toEqualTypeOf<{ readonly a?: string[] | null }>()
    expectTypeOf<Written<'a' | 5 | null | Date>>().toEqualTypeOf<'a' | 5 | null | string>()
    expectTypeOf<Written<Record<string, Date>>>().toEqualTypeOf<Record<string, string>>()
    expectTypeOf<Written<string & { brand: true }>>().toEqualTypeOf<string & { brand: true }>()
    expectTypeOf<Written<() => void>>().toBeNever()
    expectTypeOf<Written<unknown>>().toBeUnknown()
  })

  it('may hold itself', () => {
    interface Tree {
      at: Date
      children: Tree[]
    }
    expectTypeOf<Written<Tree>['children'][0]['children'][0]['at']>().toBeString()
  })
})

describe('a catalogue of types alone', () => {
  interface AppEvents {
    'invoice.paid': Invoice
    ping?: null
  }
  const known = defineEvents<AppEvents>()

  it('is as good as one with names', () => {
    expectTypeOf<EventName<typeof known>>().toEqualTypeOf<'invoice.paid' | 'ping'>()
    expectTypeOf<EventData<typeof known, 'ping'>>().toEqualTypeOf<null>()
    typed(() => createWebhookSender({ events: known }).send({ type: 'invoice.paid', data: invoice }))
    // @ts-expect-error: no such type
    typed(() => createWebhookSender({ events: known }).send({ type: 'pong', data: null }))
    // @ts-expect-error: the data of another type
    typed(() => createWebhookSender({ events: known }).send({ type: 'ping', data: invoice }))
  })

  it('has any type when it is given none', () => {
    const open = defineEvents()
    typed((data: unknown) => createWebhookSender({ events: open }).send({ type: 'anything', data }))
  })
})

describe('without a catalogue', () => {
  it('any type goes, with any data', () => {
    expectTypeOf<EventInput>().toEqualTypeOf<EventInput<Catalog>>()
    expectTypeOf<EventInput['type']>().toBeString()
    expectTypeOf<EventData<Catalog>>().toBeUnknown()
    expectTypeOf<EventOutput<Catalog>>().toBeUnknown()
    expectTypeOf(() => createWebhookSender()).returns.toEqualTypeOf<WebhookSender<Catalog>>()
  })
})

describe('defineEvents', () => {
  it('takes what event() makes, and nothing else', () => {
    // @ts-expect-error: a bare schema
    typed(() => defineEvents({ a: z.string() }))
    // @ts-expect-error: a type's name
    typed(() => defineEvents({ a: 'string' }))
    // @ts-expect-error: event, not called
    typed(() => defineEvents({ a: event }))
    expectTypeOf(fromSubpath.defineEvents).toEqualTypeOf(defineEvents)
    expectTypeOf(fromSubpath.event).toEqualTypeOf(event)
  })
})

describe('listeners', () => {
  it('are told of types of the catalogue', () => {
    typed(() => {
      sender.on('delivery.failed', (news) => expectTypeOf(news.type).toEqualTypeOf<EventName<Events>>())
      sender.on('delivery.delivered', ({ type }) => expectTypeOf(type).toEqualTypeOf<EventName<Events>>())
      sender.on('delivery.canceled', ({ type }) => expectTypeOf(type).toEqualTypeOf<EventName<Events>>())
      sender.on('attempt', ({ type }) => expectTypeOf(type).toEqualTypeOf<EventName<Events>>())
      sender.on('error', (news) => expectTypeOf(news).toEqualTypeOf<{ error: Error; context: string }>())
    })
    // @ts-expect-error: no such type
    typed(() => sender.on('attempt', ({ type }) => type === 'invoice.payed'))
    typed((open: WebhookSender) => open.on('attempt', ({ type }) => expectTypeOf(type).toBeString()))
  })
})

describe('patterns of endpoints', () => {
  it('are names of the catalogue, or any others', () => {
    const url = 'https://example.com'
    typed(() => sender.endpoints.create({ url, eventTypes: ['invoice.paid', 'user.*', '**'] }))
    typed((pattern: string) => sender.endpoints.update('ep', { eventTypes: [pattern] }))
    typed((eventTypes: string[]) => sender.forTenant('a').endpoints.create({ url, eventTypes }))
    // @ts-expect-error: a pattern is text
    typed(() => sender.endpoints.create({ url, eventTypes: [5] }))
  })
})

describe('a test of an endpoint', () => {
  it('has a type of the catalogue', () => {
    typed(() => sender.endpoints.test('ep', { type: 'note', data: 'text' }))
    typed(() => sender.endpoints.test('ep'))
    // @ts-expect-error: no such type
    typed(() => sender.endpoints.test('ep', { type: 'invoice.payed' }))
  })
})

describe('the kind of storage', () => {
  const onPostgres = () => createWebhookSender({ events, storage: postgres({ connectionString: 'postgres://x' }) })

  it('is told beside the catalogue, in whatever order', () => {
    expectTypeOf(onPostgres).returns.toEqualTypeOf<WebhookSender<Events, PostgresStorage>>()
    expectTypeOf(() => createWebhookSender({ events })).returns.toEqualTypeOf<WebhookSender<Events>>()
    expectTypeOf(() => createWebhookSender({ storage: memory(), pollMs: 50, events })).returns.toEqualTypeOf<
      WebhookSender<Events, MemoryStorage>
    >()
    typed((options: SenderOptions<Events, PostgresStorage>) =>
      expectTypeOf(createWebhookSender(options)).toEqualTypeOf<WebhookSender<Events, PostgresStorage>>(),
    )
    expectTypeOf(() => createTestSender({ events }).sender.send)
      .returns.parameter(0)
      .toEqualTypeOf<EventInput<Events>>()
  })

  it('types sendIn with it', () => {
    typed(() => {
      expectTypeOf(sender.sendIn(db, { type: 'invoice.paid', data: invoice })).toEqualTypeOf<TxSendResult>()
      const { sendIn } = onPostgres().forTenant('acme')
      expectTypeOf(sendIn(client, { type: 'note', data: 'text' })).toEqualTypeOf<Promise<TxSendResult>>()
    })
    // @ts-expect-error: the data of another type
    typed(() => sender.sendIn(db, { type: 'note', data: invoice }))
    // @ts-expect-error: the data of another type, under forTenant
    typed(() => onPostgres().forTenant('acme').sendIn(client, { type: 'note', data: invoice }))
    // @ts-expect-error: the handle of another storage
    typed(() => onPostgres().sendIn(db, { type: 'note', data: 'text' }))
    // @ts-expect-error: one of both
    typed((type: 'note' | 'invoice.paid') => sender.sendIn(db, { type, data: 'text' }))
  })
})

describe('a sender that is injected', () => {
  type OnPostgres = WebhookSender<Events, PostgresStorage>

  it('may be asked for whatever its catalogue and storage', () => {
    expectTypeOf<OnPostgres>().toExtend<AnyWebhookSender>()
    expectTypeOf<WebhookSender<Events, MemoryStorage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<WebhookSender<Events, Storage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<OnPostgres>().toExtend<AnyTenantSender>()
    expectTypeOf<TenantSender<Events, PostgresStorage>>().toExtend<AnyTenantSender>()
    const service = (webhooks: AnyWebhookSender) => webhooks.send({ type: 'invoice.paid', data: invoice })
    typed(() => [service(createWebhookSender({ events })), service(createTestSender({ events }).sender)])
  })

  it('may be asked for by its catalogue, whatever its storage', () => {
    expectTypeOf<OnPostgres>().toExtend<AnyWebhookSender<Events>>()
    expectTypeOf<WebhookSender<Events>>().toExtend<AnyWebhookSender<Events>>()
    expectTypeOf<OnPostgres>().toExtend<AnyTenantSender<Events>>()
    expectTypeOf<AnyWebhookSender<Events>>().toExtend<AnyTenantSender<Events>>()
    expectTypeOf<AnyWebhookSender<Events>>().toExtend<AnyWebhookSender>()
    expectTypeOf<AnyTenantSender<Events>>().toExtend<AnyTenantSender>()
    typed((webhooks: AnyWebhookSender<Events>) => webhooks.send({ type: 'note', data: 'text' }))
    // @ts-expect-error: no such type
    typed((webhooks: AnyWebhookSender<Events>) => webhooks.send({ type: 'invoice.payed', data: invoice }))
    // @ts-expect-error: the data of another type
    typed((webhooks: AnyTenantSender<Events>) => webhooks.send({ type: 'note', data: invoice }))
    typed((webhooks: AnyWebhookSender<Events>) =>
      webhooks.on('attempt', ({ type }) => expectTypeOf(type).toEqualTypeOf<EventName<Events>>()),
    )
  })

  it('does not pass for one of another catalogue, or of another storage', () => {
    const other = defineEvents({ other: event<number>() })
    expectTypeOf<WebhookSender<typeof other>>().not.toExtend<WebhookSender<Events>>()
    expectTypeOf<WebhookSender<typeof other>>().not.toExtend<AnyWebhookSender<Events>>()
    expectTypeOf<WebhookSender>().not.toExtend<WebhookSender<Events>>()
    expectTypeOf<OnPostgres>().not.toExtend<WebhookSender<Events>>()
    // What any sender takes within a transaction is more than a typed one takes.
    expectTypeOf<OnPostgres>().not.toExtend<WebhookSender<Catalog, PostgresStorage>>()
  })
})
