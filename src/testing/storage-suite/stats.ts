import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import { addEndpoint, claimOne, deliver, NOW, pause, sendOne } from './fixtures.ts'

export const statistics: Behaviour[] = [
  {
    name: 'stats: an empty storage has nothing due',
    async check({ storage }) {
      const stats = await storage.stats({ now: NOW, countMax: 10 })
      matches(stats, { oldestDueAt: null, pending: 0, held: 0, leased: 0 }, 'all counts are 0')
      same(await storage.nextDueAt(), null, 'and nothing will fall due')
    },
  },
  {
    name: 'stats: pending, held, leased, and since when the oldest is due',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_held')
      await deliver(storage, 'evt_done', 'ep_a')
      await sendOne(storage, { id: 'evt_leased', to: ['ep_a'] })
      await claimOne(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_held', to: ['ep_held'] })
      await pause(storage, 'ep_held')
      await sendOne(storage, { id: 'evt_due', to: ['ep_a'], dueAt: NOW + 10 })
      await sendOne(storage, { id: 'evt_later', to: ['ep_a'], dueAt: NOW + 20 })
      const { bytes, ...counts } = await storage.stats({ now: NOW + 15, countMax: 10 })
      same(counts, { oldestDueAt: NOW + 10, pending: 3, held: 1, leased: 1 }, 'each is counted where it is')
      holds(Number.isFinite(bytes) && bytes >= 0, 'bytes is a size')
      const before = await storage.stats({ now: NOW + 9, countMax: 10 })
      same(before.oldestDueAt, null, 'what is held or not yet due is not overdue')
    },
  },
  {
    name: 'stats: counting is bounded',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await sendOne(storage, { id, to: ['ep_a'] })
      await pause(storage, 'ep_a')
      matches(await storage.stats({ now: NOW, countMax: 2 }), { pending: 2, held: 2 }, 'no further than countMax')
    },
  },
]
