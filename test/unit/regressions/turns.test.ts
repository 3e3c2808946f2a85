import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

/** Whatever one tenant gives fan-out, replays or upkeep to do, another's retry does not wait for the end of it. */

afterEach(stopAll)

/** In real time, with a delivery whose retry falls due while the storage's `method` is busy with 200 slices of 10 ms. */
async function retriesDuring(method: 'prune' | 'cancelHeld' | 'stepReplay' | 'insertSlice'): Promise<Rig> {
  const made = rig({ runtime: { clock: systemClock() }, retry: { delaysMs: [150], jitter: 0 }, pollMs: 20 })
  let slices = 0
  made.storage.tamper(method, async (call) => {
    if (slices++ >= 200) return call()
    await sleep(10)
    const unfinished = {
      prune: 100,
      cancelHeld: Array(100).fill({}),
      stepReplay: await running(made),
      insertSlice: false,
    }
    return unfinished[method]
  })
  const others = method === 'insertSlice' ? 257 : 1
  for (let index = 0; index < others; index++) await made.sender.endpoints.create({ tenant: 'other', url: URL_OK })
  const { id } = await made.sender.send({
    tenant: 'other',
    type: 'a',
    data: 1,
    deliverAt: new Date(Date.now() + 60_000),
  })
  if (method === 'stepReplay') await made.sender.replay({ tenant: 'other', eventId: id })
  await made.sender.endpoints.create({ url: URL_OK })
  made.transport.reply((_request, index) => (index === 0 ? 500 : 200))
  await made.sender.send({ type: 'a', data: 1 })
  await made.sender.start()
  while (made.requests.length < 2 && slices < 200) await sleep(10)
  expect(slices).toBeLessThan(200)
  slices = 200
  return made
}

async function running({ storage }: Rig) {
  const [replay] = await storage.runningReplays({ limit: 1 })
  return replay ?? null
}

it.each(['prune', 'cancelHeld', 'stepReplay', 'insertSlice'] as const)(
  '%s leaves claims their turn',
  async (method) => {
    const { requests } = await retriesDuring(method)
    expect(requests.length).toBeGreaterThanOrEqual(2)
  },
)
