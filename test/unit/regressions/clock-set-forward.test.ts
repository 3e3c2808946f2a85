import { afterEach, expect, it } from 'vitest'
import { hostTurn } from '../../../src/engine/host-turn.ts'
import { createWebhookSender } from '../../../src/sender.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { scriptedTransport } from '../../../src/testing/scripted-transport.ts'

const open: { stop(options: { graceMs: number }): Promise<void> }[] = []
afterEach(async () => {
  for (const sender of open.splice(0)) await sender.stop({ graceMs: 0 })
})

it('a clock that is set forward makes no process send twice what it is sending', async () => {
  const steady = manualClock()
  let ahead = 0
  const clock = { ...steady, now: () => steady.now() + ahead }
  const transport = scriptedTransport(clock, { status: 200, delayMs: 2_000 })
  const sender = createWebhookSender({ storage: memory(), transport, runtime: { clock, resolve: fakeResolver() } })
  open.push(sender)
  await sender.endpoints.create({ url: 'https://example.com/' })
  await sender.start()
  await sender.send({ type: 'a', data: 1 })
  await expect.poll(() => transport.requests.length).toBe(1)
  ahead = 6 * 3_600_000
  for (let step = 0; step < 30; step++) {
    steady.advanceBy(100)
    for (let turn = 0; turn < 5; turn++) await hostTurn()
  }
  expect(transport.requests).toHaveLength(1)
  const [delivery] = (await sender.deliveries.list()).items
  expect(delivery).toMatchObject({ state: 'delivered', attemptCount: 1 })
})
