import { afterEach, describe, expect, it } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import { rig, stopAll } from '../engine/rig.ts'
import { TX } from '../engine/transactional.ts'
import { createWorld, dump, methodNames, methodOf, type World } from './bad-input/world.ts'

/** Every call, made right: it works before `stop`, and says `stopped` afterwards. */

const CALLS: Record<string, (world: World) => unknown[]> = {
  send: () => [{ tenant: 'acme', type: 'a.b', data: 1 }],
  sendIn: () => [TX, { tenant: 'acme', type: 'a.b', data: 1 }],
  'endpoints.create': () => [{ tenant: 'acme', url: 'https://example.com/' }],
  'endpoints.get': (world) => [world.ids.endpoint],
  'endpoints.list': () => [{ tenant: ALL_TENANTS }],
  'endpoints.test': (world) => [world.ids.endpoint],
  'endpoints.update': (world) => [world.ids.endpoint, { description: 'new' }],
  'endpoints.pause': (world) => [world.ids.endpoint],
  'endpoints.resume': (world) => [world.ids.endpoint],
  'endpoints.enable': (world) => [world.ids.endpoint],
  backfill: (world) => [{ tenant: 'acme', endpointId: world.ids.endpoint }],
  'endpoints.rotateSecret': (world) => [world.ids.endpoint],
  'endpoints.revealSecrets': (world) => [world.ids.endpoint],
  'endpoints.delete': (world) => [world.ids.endpoint],
  'events.get': (world) => [world.ids.event],
  'events.list': () => [],
  'events.cancel': (world) => [world.ids.event],
  'events.explain': (world) => [world.ids.event],
  'events.wait': (world) => [world.ids.event],
  'deliveries.get': (world) => [world.ids.delivery],
  'deliveries.list': () => [],
  'deliveries.attempts': (world) => [world.ids.delivery],
  replay: () => [{ tenant: 'acme', state: 'failed' }],
  'replays.get': (world) => [world.run.id],
  'replays.list': () => [],
  'replays.cancel': (world) => [world.run.id],
  health: () => [],
  resealSecrets: () => [],
  on: () => ['attempt', () => {}],
  forTenant: () => ['acme'],
  drain: () => [],
  start: () => [],
  'run.progress': () => [],
  'run.cancel': () => [],
  'run.wait': () => [],
}

/** They end what has ended already. */
const STOPPING = ['stop', String(Symbol.asyncDispose)]

afterEach(stopAll)

async function made(world: World, name: string): Promise<unknown> {
  const answer = await methodOf(world, name)(...(CALLS[name]?.(world) ?? []))
  if (name !== 'run.progress') return answer
  for await (const progress of answer as AsyncIterable<unknown>) return progress
}

it('knows every call', async () => {
  const world = await createWorld()
  const names = [...methodNames(world.sender), ...methodNames(world.run).map((name) => `run.${name}`)]
  expect([...Object.keys(CALLS), ...STOPPING].sort()).toEqual(names.sort())
})

it('works before stop, one call after the other', async () => {
  const world = await createWorld()
  for (const name of Object.keys(CALLS)) await made(world, name)
  expect(world.errors).toEqual([])
})

describe('after stop', () => {
  it.each(Object.keys(CALLS))('%s says so, and changes nothing', async (name) => {
    const world = await createWorld()
    await world.sender.stop()
    const before = await dump(world.storage)
    const error = await made(world, name).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ name: 'WebhookError', code: 'stopped', retryable: false })
    expect(String(error)).toMatch(/create another/)
    expect(await dump(world.storage)).toEqual(before)
  })

  it('a sender bound to a tenant says so too', async () => {
    const world = await createWorld()
    await world.sender.stop()
    await expect(world.acme.send({ type: 'a', data: 1 })).rejects.toMatchObject({ code: 'stopped' })
    await expect(world.acme.endpoints.list()).rejects.toMatchObject({ code: 'stopped' })
  })

  it('stopping again is nothing new', async () => {
    const world = await createWorld()
    await Promise.all([world.sender.stop(), world.sender.stop(), world.sender[Symbol.asyncDispose]()])
    await world.sender.stop({ graceMs: 5 })
    expect(world.storage.calls.get('close')).toBe(1)
  })

  it('a sender that was never used stops without opening anything', async () => {
    const unused = rig()
    await unused.sender.stop()
    expect(unused.storage.calls.size).toBe(0)
    await expect(unused.sender.health()).rejects.toMatchObject({ code: 'stopped' })
  })
})
