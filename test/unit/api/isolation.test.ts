import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import type { Catalog } from '../../../src/catalog.ts'
import type { TenantSender } from '../../../src/sender.ts'
import { rig, stopAll } from '../engine/rig.ts'
import { TX, type transactional } from '../engine/transactional.ts'
import { createWorld, dump, methodNames, type World } from './bad-input/world.ts'

/** Under `forTenant` another tenant's things are not there: for every method, and every kind of id. */

type AnyTx = TenantSender<Catalog, ReturnType<typeof transactional>>

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(stopAll)

const NOT_THERE = { endpoint: 'endpoint_not_found', delivery: 'delivery_not_found' }

/** Each method with a foreign id where it takes one: the code it rejects with, or what it answers. */
const FOREIGN: Record<
  string,
  { call: (acme: TenantSender, world: World) => Promise<unknown>; code?: string; answer?: unknown }
> = {
  send: {
    call: (acme, { foreign }) => acme.send({ type: 'a', data: 1, endpoints: [foreign.endpoint] }),
    code: NOT_THERE.endpoint,
  },
  sendIn: {
    call: async (acme) => (acme as unknown as AnyTx).sendIn(TX, { type: 'a', data: 1, tenant: 'other' }),
    code: 'argument_invalid',
  },
  'endpoints.create': {
    call: (acme) => acme.endpoints.create({ url: 'https://example.com', tenant: 'other' }),
    code: 'argument_invalid',
  },
  'endpoints.get': { call: (acme, { foreign }) => acme.endpoints.get(foreign.endpoint), answer: null },
  'endpoints.list': { call: (acme) => acme.endpoints.list({ tenant: 'other' }), code: 'argument_invalid' },
  'endpoints.update': {
    call: (acme, { foreign }) => acme.endpoints.update(foreign.endpoint, { description: 'mine now' }),
    code: NOT_THERE.endpoint,
  },
  'endpoints.delete': {
    call: (acme, { foreign }) => acme.endpoints.delete(foreign.endpoint),
    code: NOT_THERE.endpoint,
  },
  'endpoints.pause': { call: (acme, { foreign }) => acme.endpoints.pause(foreign.endpoint), code: NOT_THERE.endpoint },
  'endpoints.resume': {
    call: (acme, { foreign }) => acme.endpoints.resume(foreign.endpoint),
    code: NOT_THERE.endpoint,
  },
  'endpoints.enable': {
    call: (acme, { foreign }) => acme.endpoints.enable(foreign.endpoint),
    code: NOT_THERE.endpoint,
  },
  'events.get': { call: (acme, { foreign }) => acme.events.get(foreign.event), answer: null },
  'events.list': { call: (acme) => acme.events.list({ tenant: ALL_TENANTS }), code: 'argument_invalid' },
  'deliveries.get': { call: (acme, { foreign }) => acme.deliveries.get(foreign.delivery), answer: null },
  'deliveries.list': {
    call: (acme, { foreign }) => acme.deliveries.list({ ids: [foreign.delivery] }),
    answer: { items: [], nextCursor: null },
  },
  'deliveries.attempts': {
    call: (acme, { foreign }) => acme.deliveries.attempts(foreign.delivery),
    code: NOT_THERE.delivery,
  },
  replay: {
    call: (acme, { foreign }) => acme.replay({ ids: [foreign.delivery] }, { dryRun: true }),
    answer: { total: 0 },
  },
  'replays.get': { call: (acme, { foreign }) => acme.replays.get(foreign.replay), answer: null },
}

it('knows every method of a tenant', () => {
  expect(Object.keys(FOREIGN).sort()).toEqual(methodNames(world.acme).sort())
})

describe.each(Object.entries(FOREIGN))('%s', (_, { call, code, answer }) => {
  it('finds nothing of another tenant, and changes nothing', async () => {
    const before = await dump(world.storage)
    const outcome = await call(world.acme, world).catch((error: { code: string }) => ({ code: error.code }))
    expect(outcome).toEqual(code === undefined ? answer : { code })
    expect(await dump(world.storage)).toEqual(before)
  })
})

describe('a tenant’s sender', () => {
  it('tells a foreign id and one that never was apart in nothing', async () => {
    const messageOf = (id: string) => world.acme.endpoints.delete(id).catch((error: Error) => error.message)
    const foreign = await messageOf(world.foreign.endpoint)
    expect(foreign).toBe(String(await messageOf('ep_none')).replace('ep_none', world.foreign.endpoint))
  })

  it('lists, replays and counts its own alone', async () => {
    const { acme, sender } = world
    for (const { items } of [await acme.endpoints.list(), await acme.events.list(), await acme.deliveries.list()]) {
      expect(items.length).toBeGreaterThan(0)
      expect(new Set(items.map(({ tenant }) => tenant))).toEqual(new Set(['acme']))
    }
    const all = await sender.deliveries.list({ tenant: ALL_TENANTS })
    expect(new Set(all.items.map(({ tenant }) => tenant))).toEqual(new Set(['acme', 'other']))
    expect(await acme.replay({ state: 'delivered' }, { dryRun: true })).toEqual({ total: 4 })
    expect(await sender.replay({ tenant: ALL_TENANTS, state: 'delivered' }, { dryRun: true })).toEqual({ total: 8 })
    expect(await sender.replay({ state: 'delivered' }, { dryRun: true })).toEqual({ total: 0 })
  })

  it('never sees a replay over all tenants', async () => {
    const run = await world.sender.replay({ tenant: ALL_TENANTS, state: 'failed' })
    expect(await world.acme.replays.get(run.id)).toBeNull()
    expect(await world.sender.replays.get(run.id)).toMatchObject({ id: run.id })
  })

  it('takes no cursor of another tenant', async () => {
    const page = await world.sender.forTenant('other').deliveries.list({ limit: 1 })
    const list = world.acme.deliveries.list({ limit: 1, cursor: page.nextCursor ?? '' })
    await expect(list).rejects.toMatchObject({ code: 'cursor_invalid' })
  })

  it('sends to its own endpoints alone, and may name its own tenant', async () => {
    const before = world.requests.length
    await world.acme.send({ tenant: 'acme', type: 'a', data: 1, endpoints: [world.ids.endpoint] })
    const { deliveries } = await world.acme.send({ type: 'invoice.paid', data: 1 })
    expect(deliveries).toBe(2)
    expect(world.requests).toHaveLength(before)
  })

  it('of the default tenant is what the root does without a tenant', async () => {
    await world.sender.endpoints.create({ url: 'https://example.com/d' })
    expect((await world.sender.forTenant('default').endpoints.list()).items).toHaveLength(1)
    expect((await world.sender.endpoints.list()).items).toHaveLength(1)
  })
})

describe('at the root', () => {
  it('an id is enough, whatever its tenant', async () => {
    const { sender, foreign } = world
    expect(await sender.endpoints.get(foreign.endpoint)).toMatchObject({ tenant: 'other' })
    expect(await sender.deliveries.get(foreign.delivery)).toMatchObject({ tenant: 'other' })
    expect(await sender.events.get(foreign.event)).toMatchObject({ tenant: 'other' })
    expect((await sender.deliveries.attempts(foreign.delivery)).items).toHaveLength(1)
    expect(await sender.endpoints.pause(foreign.endpoint)).toMatchObject({ state: 'paused' })
  })

  it('requireTenant makes it mandatory, but not where an id is given', async () => {
    const { sender } = rig({ requireTenant: true })
    const missing = { name: 'ArgumentError', code: 'argument_missing' }
    const calls = {
      'send.tenant': () => sender.send({ type: 'a', data: 1 }),
      'endpoints.create.tenant': () => sender.endpoints.create({ url: 'https://example.com' }),
      'endpoints.list.tenant': () => sender.endpoints.list(),
      'events.list.tenant': () => sender.events.list(),
      'deliveries.list.tenant': () => sender.deliveries.list(),
      'replay.tenant': () => sender.replay({ state: 'failed' }),
    }
    for (const [path, call] of Object.entries(calls)) await expect(call()).rejects.toMatchObject({ ...missing, path })
    expect(await sender.endpoints.get('ep_none')).toBeNull()
    expect(await sender.forTenant('acme').send({ type: 'a', data: 1 })).toMatchObject({ duplicate: false })
    expect(await sender.send({ tenant: 'acme', type: 'a', data: 1 })).toMatchObject({ duplicate: false })
  })
})
