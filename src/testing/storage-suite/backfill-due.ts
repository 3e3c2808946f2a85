import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import { addEndpoint, claimedEvents, NOW, offer } from './fixtures.ts'

export const backfillDue: Behaviour[] = [
  {
    name: 'backfill: an event is not due before its deliverAt',
    async check({ storage }) {
      await offer(storage, { id: 'evt_later', dueAt: NOW + 9_000 })
      await offer(storage, { id: 'evt_now' })
      await addEndpoint(storage, 'ep_a')
      const selection = { endpointId: 'ep_a' }
      const begun = { id: 'rpl_a', kind: 'backfill', selection, perSecond: null, total: 2, now: NOW + 10 } as const
      const { id: replayId, cursor: from } = await storage.createReplay(begun)
      const input = { replayId, now: NOW + 10, from, to: null, eventIds: ['evt_later', 'evt_now'] }
      matches(await storage.insertBackfill(input), { requeued: 2, state: 'completed' }, 'both are written')
      same(await claimedEvents(storage, 'ep_a', { now: NOW + 8_999 }), ['evt_now'], 'one is due at once')
      same(await claimedEvents(storage, 'ep_a', { now: NOW + 9_000 }), ['evt_later'], 'the other at its own time')
    },
  },
]
