import { setTimeout as wait } from 'node:timers/promises'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, NOW, offer } from './fixtures.ts'

/** Hints travel in real time; by then at the latest they are there. */
const DEADLINE_MS = 2_000
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

/** Does what makes work elsewhere; the listener has to hear of it in time. */
async function hears(ear: Ear, work: () => Promise<unknown>, promise: string): Promise<void> {
  const before = ear.heard()
  await work()
  for (let left = DEADLINE_MS; left > 0 && ear.heard() === before; left -= LOOK_MS) await wait(LOOK_MS)
  holds(ear.heard() > before, promise)
}

export const workHints: Behaviour[] = [
  {
    name: 'work hints: one instance is told of work that another has written',
    needs: ['workHints', 'multiProcess'],
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      const ear = listen(other)
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
      const [left, stays] = [await second(), await second()]
      await addEndpoint(storage, 'ep_a')
      const [ended, ear] = [listen(left), listen(stays)]
      try {
        ended.end()
        const before = ended.heard()
        for (const id of ['evt_a', 'evt_b', 'evt_c']) {
          await hears(ear, () => offer(storage, { id, to: ['ep_a'] }), 'the one that listens is told')
        }
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
      listen(other).end()
      const ear = listen(other)
      try {
        await hears(ear, () => offer(storage, { id: 'evt_a', to: ['ep_a'] }), 'as if it were the first time')
      } finally {
        ear.end()
      }
    },
  },
]
