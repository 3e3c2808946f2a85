import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeliverySelection } from '../../../src/api/deliveries.ts'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import type { Catalog } from '../../../src/catalog.ts'
import type { TenantSender } from '../../../src/sender.ts'
import { stopAll } from '../engine/rig.ts'
import { TX, type transactional } from '../engine/transactional.ts'
import { createWorld, dump, methodNames, methodOf, type World } from './bad-input/world.ts'

/**
 * Under `forTenant` its own things are found, and another tenant's are not: by every method, in every place where it takes an id.
 * Methods and places are found, not listed: a new one without a row fails.
 */

/** What can be named; `late`: an endpoint that was created after all events. */
type Ids = World['ids'] & { tenant: string; late: string }

interface Row {
  /** Where the id stands: `id` for the method's own argument, else the name of a field. */
  place: string
  /** `ids`: of the tenant's own things, then of another's. `own`: always of its own. */
  call: (acme: TenantSender, ids: Ids, own: Ids) => Promise<unknown>
  own: unknown
  foreign: { code: string } | { answer: unknown }
  /** Another's is accepted, and comes to nothing later. */
  writes?: true
}

const NO_ENDPOINT = { code: 'endpoint_not_found' }
const NO_EVENT = { code: 'event_not_found' }
const NO_DELIVERY = { code: 'delivery_not_found' }
const NO_REPLAY = { code: 'replay_not_found' }
const NULL = { answer: null }

const like = (fields: object): unknown => expect.objectContaining(fields)
const ITEMS = like({ items: expect.arrayContaining([expect.anything()]) })
const ACTIVE = like({ state: 'active' })
const event = { type: 'invoice.paid', data: 1 }

/** The only place is the method's own argument. */
const byId = (own: unknown, foreign: Row['foreign'], call: Row['call']): Row[] => [{ place: 'id', call, own, foreign }]

/** Its own tenant may be named, and no other. */
function tenant(own: unknown, call: (acme: TenantSender, tenant: string) => Promise<unknown>): Row {
  return { place: 'tenant', call: (acme, ids) => call(acme, ids.tenant), own, foreign: { code: 'argument_invalid' } }
}

/** The fields by which deliveries are selected. */
function selecting(
  own: unknown,
  foreign: Row['foreign'],
  call: (acme: TenantSender, selection: DeliverySelection) => Promise<unknown>,
): Row[] {
  const fields: Record<string, (ids: Ids) => DeliverySelection> = {
    endpointId: (ids) => ({ endpointId: ids.endpoint }),
    eventId: (ids) => ({ eventId: ids.event }),
    ids: (ids) => ({ ids: [ids.delivery] }),
  }
  return Object.entries(fields).map(([place, selection]) => ({
    place,
    call: (acme, ids) => call(acme, selection(ids)),
    own,
    foreign,
  }))
}

const sendIn = (acme: TenantSender, input: Parameters<TenantSender['send']>[0]) =>
  (acme as unknown as TenantSender<Catalog, ReturnType<typeof transactional>>).sendIn(TX, input)

const ROWS: Record<string, Row[]> = {
  send: [
    tenant(like({ deliveries: 3 }), (acme, name) => acme.send({ ...event, tenant: name })),
    {
      place: 'endpoints',
      call: (acme, ids) => acme.send({ ...event, endpoints: [ids.endpoint] }),
      own: like({ deliveries: 1 }),
      foreign: NO_ENDPOINT,
    },
    // Ids of events are chosen by the caller: one that is taken is refused, and tells nothing of the other event.
    {
      place: 'id',
      call: (acme, ids) => acme.send({ ...event, id: ids.event }),
      own: like({ duplicate: true }),
      foreign: { code: 'idempotency_conflict' },
    },
  ],
  sendIn: [
    tenant(like({ duplicate: false }), (acme, name) => sendIn(acme, { ...event, tenant: name })),
    // Not looked up within the host's transaction: see below for what comes of it.
    {
      place: 'endpoints',
      call: (acme, ids) => sendIn(acme, { ...event, endpoints: [ids.endpoint] }),
      own: like({ duplicate: false }),
      foreign: { answer: like({ duplicate: false }) },
      writes: true,
    },
    {
      place: 'id',
      call: (acme, ids) => sendIn(acme, { ...event, id: ids.event }),
      own: like({ duplicate: true }),
      foreign: { code: 'idempotency_conflict' },
    },
  ],
  'endpoints.create': [
    tenant(ACTIVE, (acme, name) => acme.endpoints.create({ url: 'https://example.com/new', tenant: name })),
  ],
  'endpoints.get': byId(ACTIVE, NULL, (acme, ids) => acme.endpoints.get(ids.endpoint)),
  'endpoints.list': [tenant(ITEMS, (acme, name) => acme.endpoints.list({ tenant: name }))],
  'endpoints.update': byId(like({ description: 'mine' }), NO_ENDPOINT, (acme, ids) =>
    acme.endpoints.update(ids.endpoint, { description: 'mine' }),
  ),
  'endpoints.pause': byId(like({ state: 'paused' }), NO_ENDPOINT, (acme, ids) => acme.endpoints.pause(ids.endpoint)),
  'endpoints.resume': byId(ACTIVE, NO_ENDPOINT, (acme, ids) => acme.endpoints.resume(ids.endpoint)),
  'endpoints.enable': byId(ACTIVE, NO_ENDPOINT, (acme, ids) => acme.endpoints.enable(ids.endpoint)),
  'endpoints.delete': byId(undefined, NO_ENDPOINT, (acme, ids) => acme.endpoints.delete(ids.endpoint)),
  'endpoints.rotateSecret': byId(like({ publicKey: null }), NO_ENDPOINT, (acme, ids) =>
    acme.endpoints.rotateSecret(ids.endpoint),
  ),
  'endpoints.revealSecrets': byId(like({ secrets: [expect.anything()] }), NO_ENDPOINT, (acme, ids) =>
    acme.endpoints.revealSecrets(ids.endpoint),
  ),
  'endpoints.test': byId(like({ outcome: 'delivered' }), NO_ENDPOINT, (acme, ids) => acme.endpoints.test(ids.endpoint)),
  'events.get': byId(like({ type: 'invoice.paid' }), NULL, (acme, ids) => acme.events.get(ids.event)),
  'events.list': [tenant(ITEMS, (acme, name) => acme.events.list({ tenant: name }))],
  'events.cancel': byId(like({ canceledAt: expect.any(Date) }), NO_EVENT, (acme, ids) => acme.events.cancel(ids.event)),
  'events.explain': byId(ITEMS, NO_EVENT, (acme, ids) => acme.events.explain(ids.event)),
  'events.wait': byId(like({ delivered: 2 }), NO_EVENT, (acme, ids) => acme.events.wait(ids.event)),
  'deliveries.get': byId(like({ tenant: 'acme' }), NULL, (acme, ids) => acme.deliveries.get(ids.delivery)),
  'deliveries.attempts': byId(ITEMS, NO_DELIVERY, (acme, ids) => acme.deliveries.attempts(ids.delivery)),
  'deliveries.list': [
    tenant(ITEMS, (acme, name) => acme.deliveries.list({ tenant: name })),
    ...selecting(ITEMS, { answer: { items: [], nextCursor: null } }, (acme, selection) =>
      acme.deliveries.list(selection),
    ),
  ],
  replay: [
    tenant(like({ total: 4 }), (acme, name) => acme.replay({ tenant: name, state: 'delivered' })),
    ...selecting({ total: expect.toSatisfy((total) => total > 0) }, { answer: { total: 0 } }, (acme, selection) =>
      acme.replay(selection, { dryRun: true }),
    ),
  ],
  backfill: [
    {
      place: 'tenant',
      call: (acme, ids, own) => acme.backfill({ endpointId: own.late, tenant: ids.tenant }),
      own: like({ total: 2 }),
      foreign: { code: 'argument_invalid' },
    },
    {
      place: 'endpointId',
      call: (acme, ids) => acme.backfill({ endpointId: ids.late }),
      own: like({ total: 2 }),
      foreign: NO_ENDPOINT,
    },
    {
      place: 'eventId',
      call: (acme, ids, own) => acme.backfill({ endpointId: own.late, eventId: ids.event }, { dryRun: true }),
      own: { total: 1 },
      foreign: { answer: { total: 0 } },
    },
  ],
  'replays.get': byId(like({ kind: 'replay' }), NULL, (acme, ids) => acme.replays.get(ids.replay)),
  'replays.cancel': byId(like({ state: 'canceled' }), NO_REPLAY, (acme, ids) => acme.replays.cancel(ids.replay)),
  'replays.list': [tenant(ITEMS, (acme, name) => acme.replays.list({ tenant: name }))],
}

/** Fields that name something of a tenant's. */
const NAMING = ['tenant', 'endpointId', 'eventId', 'endpoints', 'ids', 'id']

let world: World
let own: Ids
let foreign: Ids
beforeEach(async () => {
  world = await createWorld()
  const late = async (name: string) =>
    (await world.sender.endpoints.create({ tenant: name, url: 'https://example.com/late' })).id
  own = { ...world.ids, tenant: 'acme', late: await late('acme') }
  foreign = { ...world.foreign, tenant: 'other', late: await late('other') }
})
afterEach(stopAll)

describe('the matrix', () => {
  it('has every method of a tenant', () => {
    expect(Object.keys(ROWS).sort()).toEqual(methodNames(world.acme).sort())
  })

  it.each(Object.keys(ROWS))('has every place of %s that names something', async (name) => {
    const rows = (ROWS[name] ?? []).map(({ place }) => place)
    const unknown = { nonesuch: 1 }
    const call = methodOf(world, `acme:${name}`)
    const { code, message } = await Promise.resolve()
      .then(() => call(...(name === 'sendIn' ? [TX, unknown] : [unknown])))
      .then(
        () => expect.fail('was not refused'),
        (error: { code: string; message: string }) => error,
      )
    // An object is refused for its unknown field, with those that are known; an id for its type.
    const fields = code === 'argument_unknown' ? (message.split('known are ')[1] ?? '').split(', ') : ['id']
    expect(rows.sort()).toEqual(NAMING.filter((field) => fields.includes(field)).sort())
  })
})

describe.each(Object.entries(ROWS).flatMap(([name, rows]) => rows.map((row) => ({ name, ...row }))))(
  '$name by $place',
  (row) => {
    it('finds its own', async () => {
      expect(await row.call(world.acme, own, own)).toEqual(row.own)
    })

    it('finds nothing of another tenant, and changes nothing', async () => {
      const before = await dump(world.storage)
      const outcome = await row.call(world.acme, foreign, own).then(
        (answer) => ({ answer }),
        ({ code }) => ({ code }),
      )
      expect(outcome).toEqual(row.foreign)
      if (!row.writes) expect(await dump(world.storage)).toEqual(before)
      expect(world.requests).toHaveLength(8)
    })
  },
)

describe('what a tenant counts and lists', () => {
  it('is its own alone', async () => {
    const { acme, sender } = world
    const all = await Promise.all([acme.endpoints.list(), acme.events.list(), acme.deliveries.list()])
    for (const { items } of all) expect(new Set(items.map((item) => item.tenant))).toEqual(new Set(['acme']))
    expect(all.map(({ items }) => items.length)).toEqual([3, 2, 4])
    const replays = await acme.replays.list()
    expect(replays.items.map(({ selection }) => selection.tenant)).toEqual(['acme', 'acme'])
    const explained = await acme.events.explain(own.event)
    expect(explained.items.map(({ endpointId }) => endpointId)).not.toContain(foreign.late)
    expect(explained.items).toHaveLength(3)
    expect(await acme.replay({ state: 'delivered' }, { dryRun: true })).toEqual({ total: 4 })
    expect(await acme.backfill({ endpointId: own.late }, { dryRun: true })).toEqual({ total: 2 })
    const everything = { tenant: ALL_TENANTS, state: 'delivered' } as const
    expect(await sender.replay(everything, { dryRun: true })).toEqual({ total: 8 })
  })

  it.each(['endpoints.list', 'events.list', 'deliveries.list', 'replays.list'])(
    '%s refuses all tenants',
    async (name) => {
      const list = methodOf(world, `acme:${name}`)({ tenant: ALL_TENANTS })
      await expect(list).rejects.toMatchObject({ code: 'argument_invalid', path: `${name}.tenant` })
    },
  )

  it('an event of a transaction that names another tenant’s endpoint gives it nothing', async () => {
    await sendIn(world.acme, { ...event, id: 'astray', endpoints: [foreign.endpoint, own.endpoint] })
    await world.sender.drain()
    const { items } = await world.sender.deliveries.list({ tenant: ALL_TENANTS, eventId: 'astray' })
    expect(items.map(({ endpointId }) => endpointId)).toEqual([own.endpoint])
  })
})
