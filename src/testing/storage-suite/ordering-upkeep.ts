import type { DeliveryRecord } from '../../model/delivery.ts'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  chain,
  claim,
  claimedEvents,
  claimOne,
  collect,
  delivered,
  deliveriesOf,
  deliveryNow,
  dueNow,
  failed,
  NOW,
  pause,
  rejected,
  resume,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000

function cancelHeld(storage: Storage, limit: number, heldBefore = NOW + 500): Promise<DeliveryRecord[]> {
  return storage.cancelHeld({ now: LATER, heldBefore, limit })
}

function eventIds(deliveries: DeliveryRecord[]): string[] {
  return deliveries.map(({ eventId }) => eventId).sort()
}

/** Replays the deliveries of an event, all at once. */
async function replayEvent(storage: Storage, eventId: string) {
  await storage.createReplay({
    id: `rpl_${eventId}`,
    kind: 'replay',
    selection: { eventId },
    perSecond: null,
    total: 1,
    now: NOW,
  })
  return storage.stepReplay({ replayId: `rpl_${eventId}`, now: NOW, limit: 10, examine: 10 })
}

const held: Behaviour[] = [
  {
    name: 'ordering: a paused endpoint keeps the turns, and goes on in order',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      await pause(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_c'])
      await settleOne(storage, delivered(lease))
      same(await dueNow(storage), [], 'a turn does not free a paused lane')
      same(await claim(storage, 'ep_a'), [], 'the next is held')
      await resume(storage, 'ep_a')
      for (const id of ['evt_b', 'evt_c']) {
        const claimed = await claim(storage, 'ep_a')
        same(
          claimed.map(({ lease }) => lease.eventId),
          [id],
          'one after the other',
        )
        for (const { lease } of claimed) await settleOne(storage, delivered(lease))
      }
    },
  },
  {
    name: 'ordering: a lane that rests keeps the turns',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const rest = { blockLaneUntil: NOW + 500 }
      await settleOne(storage, { ...failed(await claimOne(storage, 'ep_a')), ...rest })
      same(await claim(storage, 'ep_a', { now: NOW + 499 }), [], 'the next waits for the end of the rest')
      same(await claimedEvents(storage, 'ep_a', { now: NOW + 500 }), ['evt_b'], 'and no longer')
    },
  },
  {
    name: 'ordering: cancel held takes those that wait for their turn, too, and none is left by a short answer',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const ids = ['evt_a', 'evt_b', 'evt_c', 'evt_d', 'evt_e']
      await chain(storage, 'ep_a', ids)
      await pause(storage, 'ep_a')
      const canceled: DeliveryRecord[] = []
      for (const count of [2, 2, 1]) {
        const some = await cancelHeld(storage, 2)
        same(some.length, count, 'full answers, then what is left')
        canceled.push(...some)
      }
      same(eventIds(canceled), ids, 'each once')
      for (const one of canceled) {
        matches(one, { state: 'canceled', reason: 'hold_expired', nextAttemptAt: null }, 'canceled as hold_expired')
      }
      await resume(storage, 'ep_a')
      const [next] = await chain(storage, 'ep_a', ['evt_f'])
      same(next?.nextAttemptAt, NOW, 'nobody is left to wait for')
    },
  },
  {
    name: 'ordering: where cancel held takes the head the next that stays is head, due at its own time',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      await chain(storage, 'ep_a', ['evt_c'], { dueAt: NOW + 700 })
      await chain(storage, 'ep_a', ['evt_d'])
      const [last] = await chain(storage, 'ep_a', ['evt_e'], { dueAt: NOW + 600 })
      await pause(storage, 'ep_a')
      same(eventIds(await cancelHeld(storage, 100)), ['evt_a', 'evt_b', 'evt_d'], 'by their own times')
      const [head] = await deliveriesOf(storage, 'evt_c')
      matches(head ?? null, { state: 'pending', nextAttemptAt: NOW + 700 }, 'the next is head')
      same((await deliveryNow(storage, last?.id ?? '')).nextAttemptAt, null, 'the one behind waits on')
      await resume(storage, 'ep_a', LATER)
      same(await storage.nextDueAt(), NOW + 700, 'its lane is due with it')
      same(await claimedEvents(storage, 'ep_a', { now: LATER }), ['evt_c'], 'and it alone is claimed')
    },
  },
  {
    name: 'ordering: cancel held takes those behind a head in flight, and the head stays',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      await chain(storage, 'ep_a', ['evt_c'], { dueAt: NOW + 600 })
      const lease = await claimOne(storage, 'ep_a')
      await pause(storage, 'ep_a')
      same(eventIds(await cancelHeld(storage, 100)), ['evt_b'], 'what is in flight is not held')
      await resume(storage, 'ep_a', LATER)
      same(await claim(storage, 'ep_a', { now: LATER }), [], 'the head keeps its turn')
      same((await settleOne(storage, delivered(lease), LATER)).promotedDueAt, LATER, 'then the one that stayed follows')
    },
  },
  {
    name: 'ordering: cancel held empties the chain of a deleted endpoint',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      await chain(storage, 'ep_a', ['evt_d'], { dueAt: NOW + 99_000 })
      const lease = await claimOne(storage, 'ep_a')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      same(eventIds(await cancelHeld(storage, 2)).length, 2, 'as many as told')
      await settleOne(storage, delivered(lease), LATER)
      const rest = await cancelHeld(storage, 2)
      same(rest.length, 1, 'then the last one, whoever had the turn meanwhile')
      same(rest[0]?.reason, 'endpoint_deleted', 'canceled as endpoint_deleted')
    },
  },
]

const replayed: Behaviour[] = [
  {
    name: 'ordering: a replay goes beside the turns: it waits for nobody, and nobody for it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, , third] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      await settleOne(storage, failed(await claimOne(storage, 'ep_a')))
      const head = await claimOne(storage, 'ep_a')
      matches(await replayEvent(storage, 'evt_a'), { requeued: 1, skipped: 0 }, 'the failed one is requeued')
      const again = await claimOne(storage, 'ep_a')
      matches(again, { eventId: 'evt_a', round: 2, ordered: false }, 'it is claimed beside the head, out of its turn')
      same((await settleOne(storage, delivered(again))).promotedDueAt, null, 'its end gives nobody a turn')
      same((await deliveryNow(storage, third?.id ?? '')).nextAttemptAt, null, 'the third one waits on')
      same((await settleOne(storage, delivered(head))).promotedDueAt, NOW, 'until the head is at rest')
      same(await claimedEvents(storage, 'ep_a'), ['evt_c'], 'then it is claimed')
    },
  },
  {
    name: 'ordering: a newcomer does not wait for what a replay requeued',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'])
      await settleOne(storage, failed(await claimOne(storage, 'ep_a')))
      await replayEvent(storage, 'evt_a')
      const retry = rejected(await claimOne(storage, 'ep_a'), NOW + 60_000)
      await settleOne(storage, retry)
      await chain(storage, 'ep_a', ['evt_b', 'evt_c'])
      matches(await claimOne(storage, 'ep_a'), { eventId: 'evt_b', ordered: true }, 'it is the head of its key')
      same(await claimedEvents(storage, 'ep_a', { now: NOW + 60_000 }), ['evt_a'], 'the replayed one has its own time')
    },
  },
  {
    name: 'ordering: a replay skips what waits for its turn',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, second] = await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      matches(await replayEvent(storage, 'evt_b'), { requeued: 0, skipped: 1 }, 'it is not at rest')
      same(await deliveryNow(storage, second?.id ?? ''), second, 'it stays as it was')
      same(await claimedEvents(storage, 'ep_a'), ['evt_a'], 'and waits on')
    },
  },
]

const seen: Behaviour[] = [
  {
    name: 'ordering: lists show those that wait as pending, with no next attempt',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      await claimOne(storage, 'ep_a')
      const selection = { tenant: 'default', states: ['pending' as const] }
      const listed = await collect((page) => storage.listDeliveries({ selection, ...page }))
      same(
        listed.map(({ eventId, state, nextAttemptAt }) => [eventId, state, nextAttemptAt]),
        [
          ['evt_c', 'pending', null],
          ['evt_b', 'pending', null],
        ],
        'newest first',
      )
      const counted = await storage.countAtRest({ selection: { tenant: 'default' }, examine: 10, after: null })
      same(counted.count, 0, 'none of them is at rest')
    },
  },
  {
    name: 'ordering: stats count those that wait as pending, and as held where they are held, but never as due',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'], { dueAt: NOW + 50 })
      await chain(storage, 'ep_a', ['evt_b', 'evt_c'])
      const at = (now: number, countMax = 10) => storage.stats({ now, countMax })
      matches(await at(NOW + 49), { oldestDueAt: null, pending: 3, held: 0, leased: 0 }, 'the head is not yet due')
      matches(await at(NOW + 50), { oldestDueAt: NOW + 50 }, 'then it is the oldest')
      await claimOne(storage, 'ep_a', { now: NOW + 50 })
      matches(await at(NOW + 50), { oldestDueAt: null, pending: 2, leased: 1 }, 'those behind are due at no time')
      await pause(storage, 'ep_a')
      matches(await at(NOW + 50), { pending: 2, held: 2 }, 'they are held with their lane')
      matches(await at(NOW + 50, 1), { pending: 1, held: 1 }, 'no further than countMax')
    },
  },
  {
    name: 'ordering: prune leaves those that wait, and takes the heads before them',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a')))
      const over = { now: NOW + 1e6, deliveredBefore: NOW + 1e6, failedBefore: NOW + 1e6, limit: 100 }
      while ((await storage.prune(over)) > 0);
      const kept = await collect((page) => storage.listDeliveries({ selection: {}, ...page }))
      same(eventIds(kept), ['evt_b', 'evt_c'], 'live rows are kept')
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a')))
      while ((await storage.prune(over)) > 0);
      same(await claimedEvents(storage, 'ep_a'), ['evt_c'], 'the turns go on without those that are gone')
    },
  },
  {
    name: 'durability: turns are kept',
    needs: 'durable',
    async check({ storage, reopen }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      const lease = await claimOne(storage, 'ep_a')
      const again = await reopen()
      same(await claim(again, 'ep_a'), [], 'the others wait on')
      same((await settleOne(again, delivered(lease))).promotedDueAt, NOW, 'the head gives way as before')
      same(await claimedEvents(again, 'ep_a'), ['evt_b'], 'to the next')
    },
  },
  {
    name: 'two instances: turns are the same for both',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'])
      await chain(other, 'ep_a', ['evt_b'])
      const lease = await claimOne(other, 'ep_a')
      same(await claim(storage, 'ep_a'), [], 'what one leased the others wait for')
      await settleOne(other, delivered(lease))
      same(await claimedEvents(storage, 'ep_a'), ['evt_b'], 'and its end is seen by all')
    },
  },
]

export const orderingUpkeep: Behaviour[] = [...held, ...replayed, ...seen]
