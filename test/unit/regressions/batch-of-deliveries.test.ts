import { afterEach, expect, it } from 'vitest'
import type { InsertEventsInput } from '../../../src/ports/storage.ts'
import { rig, stopAll, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

it('many events with many endpoints each are written in several short transactions', async () => {
  const { sender, storage } = rig()
  for (let index = 0; index < 100; index++) await sender.endpoints.create({ url: URL_OK })
  const results = await Promise.all(Array.from({ length: 100 }, (_, data) => sender.send({ type: 'a', data })))
  expect(results.every(({ deliveries }) => deliveries === 100)).toBe(true)
  const batches = storage.inputs
    .filter(({ method }) => method === 'insertEvents')
    .map(({ input }) => (input as InsertEventsInput).events.reduce((sum, event) => sum + event.deliveries.length, 0))
  expect(batches.reduce((sum, size) => sum + size, 0)).toBe(10_000)
  expect(Math.max(...batches)).toBeLessThan(256 + 100)
})
