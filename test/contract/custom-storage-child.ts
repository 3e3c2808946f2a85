/** Sends events to two endpoints, eight at a time, and tells the ids of those that are kept, until it is killed. */
import { journalStorage } from '../../examples/custom-storage/index.ts'
import { addEndpoint, newEvent, WORKER } from '../../src/testing/storage-suite/fixtures.ts'

const [, , path = '', run = ''] = process.argv
const storage = journalStorage({ path })
await storage.open({ now: 1 })
const to = ['ep_a', 'ep_b']
for (const id of to) await addEndpoint(storage, id)
const lanes = Array.from({ length: 8 }, async (_, lane) => {
  for (let number = 0; ; number++) {
    const event = await newEvent(storage, { id: `evt_${run}_${lane}_${number}`, to })
    await storage.insertEvents({ now: event.event.createdAt, worker: WORKER, events: [event] })
    process.send?.(event.event.id)
  }
})
await Promise.all(lanes)
