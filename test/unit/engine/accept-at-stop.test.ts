import { afterEach, expect, test } from 'vitest'
import { quiet, rig, stopAll, through, URL_OK } from './rig.ts'

afterEach(stopAll)

test('a delivery whose commit ends after stop began is given back, not attempted', async () => {
  const { sender, storage, clock, requests, errors } = rig()
  await sender.endpoints.create({ url: URL_OK })
  await sender.start()
  let commit = () => {}
  const gate = new Promise<void>((resolve) => {
    commit = resolve
  })
  const written = new Promise<void>((resolve) => {
    storage.tamper('insertEvents', async (call) => {
      const results = await call()
      resolve()
      await gate
      return results
    })
  })
  const sending = sender.send({ type: 'invoice.paid', data: {} })
  await written
  const stopping = through(clock, sender.stop())
  await quiet()
  commit()
  const { id } = await sending
  await stopping
  const { items } = await storage.listDeliveries({ selection: { eventId: id }, limit: 9, examine: 9, after: null })
  expect(items.map(({ state, attemptCount }) => ({ state, attemptCount }))).toEqual([
    { state: 'pending', attemptCount: 0 },
  ])
  expect({ requests, errors }).toEqual({ requests: [], errors: [] })
})
