import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { createTestSender, type TestSender } from '../../../src/testing/test-sender.ts'

let made: TestSender
afterEach(() => made.sender.stop({ graceMs: 0 }))

/** A sender in real time whose drain waits for a retry that is an hour away. */
async function draining(): Promise<{ drained: Promise<unknown> }> {
  made = createTestSender({ runtime: { clock: systemClock() }, retry: { delaysMs: [3_600_000], jitter: 0 } })
  made.transport.reply(500)
  await made.sender.endpoints.create({ url: 'https://a.example/' })
  await made.sender.send({ type: 'a', data: 1 })
  const drained = made.sender.drain({ until: new Date(Date.now() + 7_200_000) })
  while (made.requests.length === 0) await sleep(5)
  await sleep(20)
  return { drained }
}

it('a start during a drain ends the drain and takes over', async () => {
  const { drained } = await draining()
  await made.sender.start()
  expect(await drained).toMatchObject({ attempts: 1 })
  made.transport.reply(200)
  await made.sender.send({ type: 'a', data: 2 })
  while (made.requests.length < 2) await sleep(5)
  await expect(made.sender.drain()).rejects.toMatchObject({ code: 'already_started' })
})

it('a stop right after a start during a drain ends both', async () => {
  const { drained } = await draining()
  await made.sender.start()
  await made.sender.stop({ graceMs: 0 })
  await drained
})
