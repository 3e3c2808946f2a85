import { afterEach, expect, it } from 'vitest'
import { newEndpoint } from '../../../src/testing/storage-suite/fixtures.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

/** A replay, or an event, of which the storage can make nothing stops itself alone. */

afterEach(stopAll)

const event = { type: 'a', data: 1 }

async function pass({ clock }: Rig, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advanceBy(1_000)
    await quiet(60)
  }
}

async function withReplays(options: { started: boolean }) {
  const made = rig()
  const { sender, storage } = made
  await sender.endpoints.create({ url: URL_OK })
  await sender.send(event)
  await sender.drain()
  const bad = await sender.replay({ type: 'a' })
  const good = await sender.replay({ type: 'a' })
  storage.tamper('stepReplay', async (call, input) => {
    if ((input as { replayId: string }).replayId === bad.id) throw new Error('a row is damaged')
    return call()
  })
  if (options.started) await sender.start()
  return { ...made, bad, good }
}

it('a replay: others go on, and so do claims and upkeep', async () => {
  const made = await withReplays({ started: true })
  const { sender, storage, errors, bad, good } = made
  await quiet(200)
  expect(await sender.replays.get(good.id)).toMatchObject({ state: 'completed' })
  // Due later: only a claim can bring it.
  const { id } = await sender.send({ ...event, deliverAt: new Date(made.clock.now() + 1_500) })
  const before = { errors: errors.length, pruned: storage.calls.get('prune') ?? 0 }
  await pass(made, 130)
  expect(await sender.events.wait(id)).toMatchObject({ delivered: 1 })
  expect(storage.calls.get('prune')).toBeGreaterThan(before.pruned)
  expect(errors.map(({ context }) => context)).toContain('stepping a replay')
  // 1, 2, 4, … 60 s.
  expect(errors.length).toBeGreaterThan(5)
  expect(errors.length).toBeLessThan(12)
  storage.heal()
  await pass(made, 61)
  expect(await sender.replays.get(bad.id)).toMatchObject({ state: 'completed' })
})

it('a replay: neither does a drain end by it, nor does it spin', async () => {
  const { sender, storage, clock, errors, bad, good } = await withReplays({ started: false })
  const { nextDueAt } = await sender.drain()
  expect(nextDueAt?.getTime()).toBe(clock.now() + 1_000)
  expect(errors).toMatchObject([{ context: 'stepping a replay' }])
  expect(await sender.replays.get(good.id)).toMatchObject({ state: 'completed' })
  expect(await sender.replays.get(bad.id)).toMatchObject({ state: 'running' })
  storage.heal()
  await sender.drain({ until: new Date(clock.now() + 1_000) })
  expect(await sender.replays.get(bad.id)).toMatchObject({ state: 'completed', delivered: 1 })
})

async function withFanOuts(bad: number) {
  const made = rig({ concurrency: { total: 500 } })
  for (let index = 0; index < 257; index++) {
    const endpoint = newEndpoint(`ep_${String(index).padStart(6, '0')}`, {
      eventTypes: null,
      overrides: {},
      secrets: [{ value: `whsec_${'A'.repeat(32)}`, createdAt: 0, expiresAt: null }],
    })
    await made.storage.createEndpoint({ endpoint, now: made.clock.now() })
  }
  made.storage.tamper('insertSlice', async (call, input) => {
    if ((input as { eventId: string }).eventId.startsWith('bad')) throw new Error('a row is damaged')
    return call()
  })
  for (let index = 0; index < bad; index++) await made.sender.send({ ...event, id: `bad_${index}` })
  await made.sender.send({ ...event, id: 'good' })
  return made
}

it('a fan-out, or more of them than are looked at together: others go on, and so do claims and upkeep', async () => {
  const made = await withFanOuts(17)
  const { sender, storage, errors, requests } = made
  await sender.start()
  await quiet(200)
  await pass(made, 3)
  expect(requests).toHaveLength(257)
  expect(storage.calls.get('prune')).toBeGreaterThan(0)
  expect(errors[0]).toMatchObject({ context: 'fanning out an event' })
  // Each at 0, 1 and 3 s.
  expect(errors.length).toBeLessThanOrEqual(51)
  storage.heal()
  await pass(made, 12)
  expect(requests).toHaveLength(18 * 257)
})

it('a fan-out: a drain goes on without it, and tells when it will be tried again', async () => {
  const { sender, storage, clock, errors, requests } = await withFanOuts(1)
  const { nextDueAt } = await sender.drain()
  expect(nextDueAt?.getTime()).toBe(clock.now() + 1_000)
  expect(errors).toHaveLength(1)
  expect(requests).toHaveLength(257)
  storage.heal()
  await sender.drain({ until: new Date(clock.now() + 1_000) })
  expect(requests).toHaveLength(2 * 257)
})
