import { setTimeout as wait } from 'node:timers/promises'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, NOW, offer } from './fixtures.ts'

/** Hints travel in real time; by then at the latest they are there. */
const DEADLINE_MS = 2_000
/** Until a listener has its connection, where it needs one of its own. */
const CONNECTED_MS = 5_000
/** Nothing heard for so long: what was written before has been told. */
const QUIET_MS = 150
const LOOK_MS = 5

interface Ear {
  heard(): number
  end(): void
}

function listen(storage: Storage): Ear {
  holds(storage.onWork !== undefined, 'an adapter with `workHints` has onWork')
  let count = 0
  const end = storage.onWork(() => {
    count += 1
  })
  return { heard: () => count, end }
}

/** Whether something is heard in time. */
async function hearsWithin(ear: Ear, from: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  while (ear.heard() === from && performance.now() < deadline) await wait(LOOK_MS)
  return ear.heard() > from
}

async function quiet(ear: Ear): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (performance.now() < deadline && (await hearsWithin(ear, ear.heard(), QUIET_MS)));
}

/** Listens, and writes events named so until the first hint is there: what was written before it listened may be missed. */
async function listenSurely(storage: Storage, writer: Storage, name: string): Promise<Ear> {
  const ear = listen(storage)
  const deadline = performance.now() + CONNECTED_MS
  for (let count = 0; ear.heard() === 0 && performance.now() < deadline; count++) {
    await offer(writer, { id: `${name}_${count}`, to: ['ep_a'] })
    await hearsWithin(ear, 0, QUIET_MS)
  }
  if (ear.heard() === 0) ear.end()
  holds(ear.heard() > 0, 'a listener is told of what others write')
  await quiet(ear)
  return ear
}

/** Does what makes work elsewhere; the listener has to hear of it in time. */
async function hears(ear: Ear, work: () => Promise<unknown>, promise: string): Promise<void> {
  await quiet(ear)
  const before = ear.heard()
  await work()
  holds(await hearsWithin(ear, before, DEADLINE_MS), promise)
}

export const workHints: Behaviour[] = [
  {
    name: 'work hints: one instance is told of work that another has written',
    needs: ['workHints', 'multiProcess'],
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      const ear = await listenSurely(other, storage, 'evt_first')
      try {
        await hears(ear, () => offer(storage, { id: 'evt_a', to: ['ep_a'] }), 'a delivery that is left to a claim')
        await hears(ear, () => offer(storage, { id: 'evt_b', fanOut: 'background' }), 'an event that is to fan out')
        const deliveries = [{ endpointId: 'ep_a', dueAt: NOW, leaseUntil: null }]
        const slice = { now: NOW, eventId: 'evt_b', from: '', to: null, deliveries }
        await hears(ear, () => storage.insertSlice(slice), 'what a slice has written')
      } finally {
        ear.end()
      }
    },
  },
  {
    name: 'work hints: who has ended listening is told nothing more',
    needs: ['workHints', 'multiProcess'],
    async check({ storage, second }) {
      await addEndpoint(storage, 'ep_a')
      const ended = await listenSurely(await second(), storage, 'evt_first')
      ended.end()
      const before = ended.heard()
      const ear = await listenSurely(await second(), storage, 'evt_then')
      try {
        await hears(ear, () => offer(storage, { id: 'evt_a', to: ['ep_a'] }), 'the one that listens is told')
        same(ended.heard(), before, 'the one that has ended is not')
      } finally {
        ear.end()
      }
    },
  },
  {
    name: 'work hints: listening can begin again after it was ended',
    needs: ['workHints', 'multiProcess'],
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      for (const name of ['evt_first', 'evt_again']) {
        const ear = await listenSurely(other, storage, name)
        ear.end()
      }
    },
  },
]
