import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  cancelEvent,
  chain,
  claim,
  claimedEvents,
  claimOne,
  delivered,
  deliveryNow,
  dueNow,
  NOW,
  offer,
  pause,
  rejected,
  settleAll,
  settleOne,
  WORKER,
} from './fixtures.ts'

const LATER = NOW + 1_000

const turns: Behaviour[] = [
  {
    name: 'ordering: where an event is canceled whose delivery is head the next is head, due at its own time',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'])
      const [next, last] = await chain(storage, 'ep_a', ['evt_b', 'evt_c'], { dueAt: NOW + 300 })
      same((await cancelEvent(storage, { id: 'evt_a', now: LATER })).canceled.length, 1, 'the head is canceled')
      matches(await deliveryNow(storage, next?.id ?? ''), { state: 'pending', nextAttemptAt: NOW + 300 }, 'the next')
      matches(
        await deliveryNow(storage, last?.id ?? ''),
        { state: 'pending', nextAttemptAt: null },
        'none but the next',
      )
      same(await storage.nextDueAt(), NOW + 300, 'its lane is due with it')
      same(await claimedEvents(storage, 'ep_a', { now: LATER }), ['evt_b'], 'and it alone is claimed')
    },
  },
  {
    name: 'ordering: what waits for its turn is canceled with its event, and the turns pass it by',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, second] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      const lease = await claimOne(storage, 'ep_a')
      same(
        (await cancelEvent(storage, { id: 'evt_b' })).canceled.map(({ id }) => id),
        [second?.id],
        'it is canceled',
      )
      same(await claim(storage, 'ep_a'), [], 'the head keeps its turn')
      same((await settleOne(storage, delivered(lease))).promotedDueAt, NOW, 'its end gives the turn')
      same(await claimedEvents(storage, 'ep_a'), ['evt_c'], 'to the one after')
    },
  },
  {
    name: 'ordering: a leased head that a settlement cancels gives way like one that ended',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, next] = await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      await cancelEvent(storage, { id: 'evt_a' })
      same(await dueNow(storage), [], 'while it is in flight it stays head')
      const { statuses, promotedDueAt } = await settleAll(storage, [rejected(lease, LATER + 500)], LATER)
      same([statuses, promotedDueAt], [['canceled'], LATER], 'the next is due now, not before')
      matches(await deliveryNow(storage, next?.id ?? ''), { state: 'pending', nextAttemptAt: LATER }, 'it is head')
      same(await claimedEvents(storage, 'ep_a', { now: LATER }), ['evt_b'], 'and is claimed')
    },
  },
  {
    name: 'ordering: a leased head that is given back canceled gives way, the next due at its own time',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, next] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      const lease = await claimOne(storage, 'ep_a')
      await cancelEvent(storage, { id: 'evt_a' })
      const release = { now: LATER, worker: WORKER, leases: [lease] }
      await storage.releaseLeases(release)
      await storage.releaseLeases(release)
      matches(await deliveryNow(storage, next?.id ?? ''), { state: 'pending', nextAttemptAt: NOW }, 'the next is head')
      same(await claimedEvents(storage, 'ep_a', { now: LATER }), ['evt_b'], 'it alone')
    },
  },
  {
    name: 'ordering: a leased head of a canceled event that is delivered after all gives way as usual',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      await cancelEvent(storage, { id: 'evt_a' })
      same((await settleOne(storage, delivered(lease), LATER)).promotedDueAt, LATER, 'the next has its turn')
    },
  },
  {
    name: 'ordering: a canceled head in a held lane gives way, and the next is held from its own time',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'])
      await chain(storage, 'ep_a', ['evt_b'], { dueAt: NOW + 300 })
      await pause(storage, 'ep_a')
      await cancelEvent(storage, { id: 'evt_a', now: LATER })
      const heldBefore = (moment: number) => storage.cancelHeld({ now: LATER, heldBefore: moment, limit: 10 })
      same(await heldBefore(NOW + 300), [], 'not before it is due')
      same(
        (await heldBefore(NOW + 301)).map(({ eventId }) => eventId),
        ['evt_b'],
        'then at once',
      )
    },
  },
]

/** Offers an event of the key that is to be fanned out in the background. */
async function offerBehind(storage: Storage, id: string, orderingKey = 'k'): Promise<void> {
  same((await offer(storage, { id, fanOut: 'background', orderingKey })).status, 'inserted', `event ${id} is taken`)
}

async function pendingIds(storage: Storage): Promise<string[]> {
  return (await storage.pendingFanOuts({ limit: 10 })).map(({ event }) => event.id)
}

const fanOuts: Behaviour[] = [
  {
    name: 'fan-out order: when an event is canceled that fans out the next of its key begins',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await offerBehind(storage, id)
      await offerBehind(storage, 'evt_d', 'other')
      const deliveries = [{ endpointId: 'ep_a', dueAt: NOW, leaseUntil: null }]
      await storage.insertSlice({ now: NOW, eventId: 'evt_a', from: '', to: 'ep_a', deliveries })
      same(await pendingIds(storage), ['evt_a', 'evt_d'], 'the first of each key')
      await cancelEvent(storage, { id: 'evt_a' })
      same(await pendingIds(storage), ['evt_b', 'evt_d'], 'the next of the key has its turn')
      await cancelEvent(storage, { id: 'evt_a' })
      same(await pendingIds(storage), ['evt_b', 'evt_d'], 'that one alone, however often it is canceled')
    },
  },
  {
    name: 'fan-out order: an event that waits for its fan-out is canceled without a turn for anybody',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await offerBehind(storage, id)
      await cancelEvent(storage, { id: 'evt_b' })
      same(await pendingIds(storage), ['evt_a'], 'the first goes on')
      await storage.insertSlice({ now: NOW, eventId: 'evt_a', from: '', to: null, deliveries: [] })
      same(await pendingIds(storage), ['evt_c'], 'then the one that is left')
    },
  },
  {
    name: 'fan-out order: with the only fan-out of its key canceled an inline event is taken',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await offerBehind(storage, 'evt_a')
      const inline = () => offer(storage, { id: 'evt_b', to: ['ep_a'], orderingKey: 'k' })
      same((await inline()).status, 'fan_out_waits', 'it has to wait')
      await cancelEvent(storage, { id: 'evt_a' })
      same((await inline()).status, 'inserted', 'no longer')
    },
  },
]

export const cancelingInOrder: Behaviour[] = [...turns, ...fanOuts]
