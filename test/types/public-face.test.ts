import {
  ALL_TENANTS,
  type ArgumentError,
  type Attempt,
  createWebhookSender,
  type Delivery,
  type Endpoint,
  type Listed,
  type ReplayRun,
  type SenderOptions,
  type SendResult,
  type ShownSecret,
  standardWebhooks,
  type TenantSender,
  type WebhookError,
  type WebhookErrorCode,
  type WebhookEvent,
  type WebhookEventSummary,
  type WebhookSender,
} from 'hookferry'
import { memory } from 'hookferry/memory'
import { sqlite } from 'hookferry/sqlite'
import { createTestSender } from 'hookferry/testing'
import { describe, expectTypeOf, it } from 'vitest'

/**
 * What must and what must not compile. `npm run typecheck` is where this fails; nothing here is run but the wrappers, since a
 * sender that is never used opens nothing.
 */

declare const sender: WebhookSender
declare const tenant: TenantSender

/** Never called: only its types count. */
const typed = (_check: () => unknown): void => {}

describe('createWebhookSender', () => {
  it('takes known options of the right type', () => {
    typed(() => createWebhookSender())
    typed(() => createWebhookSender({ storage: sqlite({ path: 'x.db', tablePrefix: 'x_' }) }))
    typed(() =>
      createWebhookSender({ storage: memory(), disable: false, signing: [standardWebhooks({ versions: ['v1'] })] }),
    )
    typed(() => createWebhookSender({ retry: { decide: (attempt) => (attempt.status === 400 ? 'fail' : 'default') } }))
    // @ts-expect-error: an unknown option
    typed(() => createWebhookSender({ retries: 3 }))
    // @ts-expect-error: an unknown field of a group
    typed(() => createWebhookSender({ retry: { delays: [1] } }))
    // @ts-expect-error: a wrong type
    typed(() => createWebhookSender({ pollMs: '1000' }))
    // @ts-expect-error: true is no policy
    typed(() => createWebhookSender({ disable: true }))
    // @ts-expect-error: an explicit undefined is not the same as leaving it out
    typed(() => createWebhookSender({ pollMs: undefined }))
    // @ts-expect-error: an answer that means nothing
    typed(() => createWebhookSender({ retry: { decide: () => 'again' } }))
    // @ts-expect-error: an async policy
    typed(() => createWebhookSender({ retry: { decide: async () => 'fail' as const } }))
    // @ts-expect-error: an unknown version
    typed(() => standardWebhooks({ versions: ['v2'] }))
    // @ts-expect-error: sqlite needs its path
    typed(() => sqlite({}))
  })

  it('answers a sender that can be disposed of', () => {
    expectTypeOf(() => createWebhookSender()).returns.toEqualTypeOf<WebhookSender>()
    expectTypeOf<WebhookSender>().toExtend<AsyncDisposable>()
    expectTypeOf<WebhookSender>().toExtend<TenantSender>()
    expectTypeOf(createTestSender).parameter(0).toEqualTypeOf<SenderOptions | undefined>()
  })
})

describe('send', () => {
  it('takes data or a body, never both', () => {
    expectTypeOf<WebhookSender['send']>().returns.resolves.toEqualTypeOf<SendResult>()
    expectTypeOf<SendResult>().toEqualTypeOf<{ id: string; duplicate: boolean; deliveries: number | null }>()
    const body = new Uint8Array()
    typed(() => sender.send({ type: 'a', data: null }))
    typed(() => sender.send({ type: 'a', body, contentType: 'text/plain' }))
    typed(() => sender.send({ type: 'a', data: 1, occurredAt: new Date(), deliverAt: '2026-01-01T00:00:00Z' }))
    // @ts-expect-error: neither
    typed(() => sender.send({ type: 'a' }))
    // @ts-expect-error: both
    typed(() => sender.send({ type: 'a', data: 1, body, contentType: 'text/plain' }))
    // @ts-expect-error: a body without its content type
    typed(() => sender.send({ type: 'a', body }))
    // @ts-expect-error: data with a content type
    typed(() => sender.send({ type: 'a', data: 1, contentType: 'text/plain' }))
    // @ts-expect-error: a body is bytes
    typed(() => sender.send({ type: 'a', body: 'text', contentType: 'text/plain' }))
    // @ts-expect-error: no type
    typed(() => sender.send({ data: 1 }))
    // @ts-expect-error: an unknown name
    typed(() => sender.send({ type: 'a', data: 1, key: 'k' }))
    // @ts-expect-error: a moment is a Date or text
    typed(() => sender.send({ type: 'a', data: 1, deliverAt: 5 }))
    // @ts-expect-error: an explicit undefined tenant
    typed(() => sender.send({ type: 'a', data: 1, tenant: undefined }))
    // @ts-expect-error: one tenant, not all
    typed(() => sender.send({ type: 'a', data: 1, tenant: ALL_TENANTS }))
  })
})

describe('endpoints', () => {
  it('show their secret when they are created and never again', () => {
    expectTypeOf<WebhookSender['endpoints']['create']>().returns.resolves.toEqualTypeOf<Endpoint & ShownSecret>()
    expectTypeOf<WebhookSender['endpoints']['get']>().returns.resolves.toEqualTypeOf<Endpoint | null>()
    expectTypeOf<WebhookSender['endpoints']['list']>().returns.resolves.toEqualTypeOf<Listed<Endpoint>>()
    expectTypeOf<WebhookSender['endpoints']['update']>().returns.resolves.toEqualTypeOf<Endpoint>()
    expectTypeOf<keyof Endpoint>().extract<'secret' | 'secrets'>().toBeNever()
    expectTypeOf<WebhookSender['endpoints']['delete']>().returns.resolves.toBeVoid()
  })

  it('take null where a field returns to its default, and only there', () => {
    typed(() => sender.endpoints.update('ep', { eventTypes: null, retry: { jitter: null }, concurrency: null }))
    // @ts-expect-error: an endpoint has a URL
    typed(() => sender.endpoints.update('ep', { url: null }))
    // @ts-expect-error: the tenant is fixed
    typed(() => sender.endpoints.update('ep', { tenant: 'b' }))
    // @ts-expect-error: no URL
    typed(() => sender.endpoints.create({}))
    // @ts-expect-error: half a rate limit
    typed(() => sender.endpoints.create({ url: 'https://example.com', rateLimit: { limit: 1 } }))
    // @ts-expect-error: an unknown state
    typed(() => sender.endpoints.list({ state: 'asleep' }))
    typed(() => sender.endpoints.list({ tenant: ALL_TENANTS, state: ['active', 'paused'], limit: 5 }))
  })
})

describe('lists', () => {
  it('omit bodies, get has them', () => {
    expectTypeOf<WebhookSender['events']['list']>().returns.resolves.toEqualTypeOf<Listed<WebhookEventSummary>>()
    expectTypeOf<keyof WebhookEventSummary>().extract<'body'>().toBeNever()
    expectTypeOf<WebhookSender['events']['get']>().returns.resolves.toEqualTypeOf<WebhookEvent | null>()
    expectTypeOf<WebhookEvent['body']>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<WebhookSender['deliveries']['get']>().returns.resolves.toEqualTypeOf<Delivery | null>()
    expectTypeOf<WebhookSender['deliveries']['attempts']>().returns.resolves.toEqualTypeOf<Listed<Attempt>>()
    expectTypeOf<Delivery['createdAt']>().toEqualTypeOf<Date>()
    // @ts-expect-error: held is not a state
    typed(() => sender.deliveries.list({ state: 'held' }))
  })
})

describe('replay', () => {
  it('answers a count for a dry run, else a run', () => {
    typed(() => {
      expectTypeOf(sender.replay({ state: 'failed' })).resolves.toEqualTypeOf<ReplayRun>()
      expectTypeOf(sender.replay({ state: 'failed' }, { perSecond: 5 })).resolves.toEqualTypeOf<ReplayRun>()
      expectTypeOf(sender.replay({ state: 'failed' }, { dryRun: false })).resolves.toEqualTypeOf<ReplayRun>()
      expectTypeOf(sender.replay({ state: 'failed' }, { dryRun: true })).resolves.toEqualTypeOf<{ total: number }>()
      expectTypeOf(sender.replays.get('rpl')).resolves.toEqualTypeOf<ReplayRun | null>()
    })
    // @ts-expect-error: a selection is needed
    typed(() => sender.replay())
    // @ts-expect-error: an unknown field
    typed(() => sender.replay({ status: 'failed' }))
  })
})

describe('on', () => {
  it('gives each listener what its name promises', () => {
    typed(() => {
      expectTypeOf(sender.on('error', () => {})).toEqualTypeOf<() => void>()
      sender.on('error', (news) => expectTypeOf(news).toEqualTypeOf<{ error: Error; context: string }>())
      sender.on('delivery.delivered', (news) => {
        expectTypeOf(news.attempts).toBeNumber()
        // @ts-expect-error: a delivered delivery has no reason
        return news.reason
      })
      sender.on('delivery.failed', (news) => expectTypeOf(news.reason).toEqualTypeOf<Delivery['reason']>())
      sender.on('endpoint.disabled', (news) => expectTypeOf(news.reason).toBeString())
      sender.on('replay.completed', (news) => expectTypeOf(news.requeued).toBeNumber())
      sender.on('attempt', async (news) => {
        expectTypeOf(news.attempt).not.toHaveProperty('responseBody')
      })
    })
    // @ts-expect-error: an unknown name
    typed(() => sender.on('delivered', () => {}))
    // @ts-expect-error: no listener
    typed(() => sender.on('error'))
  })
})

describe('a tenant’s sender', () => {
  it('has no method that reaches beyond its tenant', () => {
    expectTypeOf<WebhookSender['forTenant']>().returns.toEqualTypeOf<TenantSender>()
    expectTypeOf<keyof TenantSender>().toEqualTypeOf<
      'send' | 'sendIn' | 'endpoints' | 'events' | 'deliveries' | 'replay' | 'backfill' | 'replays'
    >()
    // @ts-expect-error: not of a tenant's sender
    typed(() => tenant.stop())
    // @ts-expect-error: not of a tenant's sender
    typed(() => tenant.forTenant('other'))
  })
})

describe('errors', () => {
  it('have codes of their own', () => {
    expectTypeOf<WebhookError['code']>().toEqualTypeOf<WebhookErrorCode>()
    expectTypeOf<WebhookError['retryable']>().toBeBoolean()
    expectTypeOf<ArgumentError>().toExtend<TypeError>()
    expectTypeOf<ArgumentError['path']>().toBeString()
    expectTypeOf<'busy'>().toExtend<WebhookErrorCode>()
    expectTypeOf<'nonsense'>().not.toExtend<WebhookErrorCode>()
  })
})
