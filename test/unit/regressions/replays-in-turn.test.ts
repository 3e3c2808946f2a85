import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { rig, stopAll, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

it('a replay does not wait for slow ones that were begun before it', async () => {
  const { sender } = rig()
  await sender.endpoints.create({ url: URL_OK })
  for (let data = 0; data < 3; data++) await sender.send({ type: 'slow', data })
  const { id } = await sender.send({ type: 'a', data: 1 })
  await sender.drain()
  for (let index = 0; index < 40; index++) await sender.replay({ type: 'slow' }, { perSecond: 0.01 })
  const replay = await sender.replay({ eventId: id })
  await sender.drain()
  expect(await sender.replays.get(replay.id)).toMatchObject({ state: 'completed', delivered: 1 })
})

it('nor for a large one', async () => {
  const { sender, storage } = rig({ runtime: { clock: systemClock() }, pollMs: 20 })
  await sender.endpoints.create({ url: URL_OK })
  const { id } = await sender.send({ type: 'a', data: 1 })
  await sender.drain()
  const large = await sender.replay({ type: 'a' })
  const small = await sender.replay({ eventId: id })
  let left = 200
  storage.tamper('stepReplay', async (call, input) => {
    if ((input as { replayId: string }).replayId !== large.id || left-- <= 0) return call()
    await sleep(10)
    return storage.getReplay(large.id)
  })
  await sender.start()
  await expect.poll(async () => (await sender.replays.get(small.id))?.state, { timeout: 1_500 }).toBe('completed')
  expect(left).toBeGreaterThan(0)
  left = 0
})
