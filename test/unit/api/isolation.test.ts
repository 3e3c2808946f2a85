import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import { rig, stopAll } from '../engine/rig.ts'
import { createWorld, type World } from './bad-input/world.ts'

/** What tenants see of each other, and the root of them. By method and kind of id: tenant-matrix.test.ts. */

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(stopAll)

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
