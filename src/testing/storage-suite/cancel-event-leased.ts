import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  attemptOf,
  cancelEvent,
  claim,
  claimOne,
  collect,
  delivered,
  deliveryNow,
  dueNow,
  endpointNow,
  failed,
  NOW,
  rejected,
  send,
  sendOne,
  settleAll,
  WORKER,
} from './fixtures.ts'

const LATER = NOW + 1_000
const CANCELED = { state: 'canceled', reason: 'event_canceled', endedAt: LATER, nextAttemptAt: null } as const

/** One delivery in flight, whose event is canceled meanwhile. */
async function canceledInFlight(storage: Storage) {
  await addEndpoint(storage, 'ep_a')
  await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
  const lease = await claimOne(storage, 'ep_a')
  await cancelEvent(storage, { id: 'evt_a' })
  return lease
}

const settled: Behaviour[] = [
  {
    name: 'cancel event: what is leased stays leased, and bears the reason',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      same((await cancelEvent(storage, { id: 'evt_a', limit: 1 })).canceled, [], 'it is not canceled yet')
      matches(
        await deliveryNow(storage, id),
        { state: 'leased', reason: 'event_canceled', endedAt: null },
        'it is marked',
      )
      const [expired] = await storage.expiredLeases({ now: lease.until, limit: 10 })
      same(expired, { ...lease, worker: WORKER, type: 'invoice.paid' }, 'the lease goes on as it was')
    },
  },
  {
    name: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    async check({ storage }) {
      const lease = await canceledInFlight(storage)
      const settlement = rejected(lease, LATER + 500, { blockLaneUntil: LATER + 200 })
      const { statuses, promotedDueAt, health } = await settleAll(storage, [settlement], LATER)
      same([statuses, promotedDueAt], [['canceled'], null], 'the answer tells that it was canceled')
      same(health[0]?.health.failures, 1, 'and how its endpoint fares')
      matches(await deliveryNow(storage, lease.deliveryId), { ...CANCELED, attemptCount: 1 }, 'it rests from now on')
      const attempts = await collect((page) => storage.listAttempts({ deliveryId: lease.deliveryId, ...page }))
      same(attempts, [settlement.attempt], 'its attempt is kept')
      same((await endpointNow(storage, 'ep_a')).health.failures, 1, 'its endpoint is observed')
      same(await storage.nextDueAt(), null, 'nothing is due')
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'], now: LATER })
      same(await dueNow(storage, LATER + 199), [], 'its lane rests as told')
      same(await dueNow(storage, LATER + 200), ['ep_a'], 'until then')
    },
  },
  {
    name: 'cancel event: a lost attempt is not repeated either',
    async check({ storage }) {
      const lease = await canceledInFlight(storage)
      const next = { state: 'pending' as const, dueAt: LATER, step: 0, lost: 1 }
      const lost = { attempt: attemptOf(lease, { outcome: 'lost' }), next, observation: null }
      same((await settleAll(storage, [delivered(lease, lost)], LATER)).statuses, ['canceled'], 'it is canceled')
      matches(await deliveryNow(storage, lease.deliveryId), CANCELED, 'and rests')
      same(await storage.expiredLeases({ now: lease.until, limit: 10 }), [], 'its lease is over')
      same(await dueNow(storage, LATER), [], 'its lane has nothing to give')
      same(await storage.nextDueAt(), null, 'and never will')
    },
  },
  {
    name: 'cancel event: a settlement that ends the delivery stands',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      const good = await claimOne(storage, 'ep_a')
      const bad = await claimOne(storage, 'ep_b')
      await cancelEvent(storage, { id: 'evt_a' })
      same((await settleAll(storage, [delivered(good), failed(bad)])).statuses, ['applied', 'applied'], 'as they say')
      matches(await deliveryNow(storage, good.deliveryId), { state: 'delivered', reason: null }, 'delivered')
      matches(await deliveryNow(storage, bad.deliveryId), { state: 'failed', reason: 'attempts_exhausted' }, 'failed')
    },
  },
  {
    name: 'cancel event: its settlement repeated is already applied, another is stale',
    async check({ storage }) {
      const lease = await canceledInFlight(storage)
      const settlement = rejected(lease, LATER + 500)
      await settleAll(storage, [settlement], LATER)
      const before = await deliveryNow(storage, lease.deliveryId)
      const again = await settleAll(storage, [settlement, delivered(lease)], LATER + 9)
      same(again.statuses, ['alreadyApplied', 'stale'], 'each is known for what it is')
      same(await deliveryNow(storage, lease.deliveryId), before, 'nothing is written twice')
    },
  },
  {
    name: 'cancel event: of a batch each settlement is judged on its own',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await sendOne(storage, { id, to: ['ep_a'] })
      const retries = (await claim(storage, 'ep_a')).map(({ lease }) => rejected(lease, LATER))
      await cancelEvent(storage, { id: 'evt_b' })
      const stale = retries.map((one) => ({ ...one, claim: 7, attempt: { ...one.attempt, number: 7 } }))
      const { statuses } = await settleAll(storage, [...stale, ...retries], LATER)
      same(statuses, ['stale', 'stale', 'stale', 'applied', 'canceled', 'applied'], 'in their order')
      const claimed = await claim(storage, 'ep_a', { now: LATER })
      same(claimed.map(({ lease }) => lease.eventId).sort(), ['evt_a', 'evt_c'], 'the others are tried again')
    },
  },
  {
    name: 'cancel event: what was leased between two calls is marked by the next',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      const { canceled } = await cancelEvent(storage, { id: 'evt_a', limit: 1 })
      const left = canceled[0]?.endpointId === 'ep_a' ? 'ep_b' : 'ep_a'
      const lease = await claimOne(storage, left)
      same((await cancelEvent(storage, { id: 'evt_a', limit: 1 })).canceled, [], 'nothing is pending')
      same((await settleAll(storage, [rejected(lease, LATER)], LATER)).statuses, ['canceled'], 'it is marked')
    },
  },
]

const released: Behaviour[] = [
  {
    name: 'cancel event: a lease given back is canceled, its claim taken back',
    async check({ storage }) {
      const lease = await canceledInFlight(storage)
      const release = { now: LATER, worker: WORKER, leases: [lease] }
      await storage.releaseLeases({ ...release, worker: 'wrk_b' })
      await storage.releaseLeases({ ...release, leases: [{ ...lease, claim: 2 }] })
      same((await deliveryNow(storage, lease.deliveryId)).state, 'leased', 'by whoever holds it, under its number')
      await storage.releaseLeases(release)
      matches(await deliveryNow(storage, lease.deliveryId), { ...CANCELED, attemptCount: 0 }, 'no attempt was begun')
      same(await dueNow(storage, LATER), [], 'it is not due again')
      await storage.releaseLeases({ ...release, now: LATER + 9 })
      matches(
        await deliveryNow(storage, lease.deliveryId),
        { ...CANCELED, attemptCount: 0 },
        'a repeat changes nothing',
      )
      same((await settleAll(storage, [delivered(lease)])).statuses, ['stale'], 'the lease is over')
      const selection = { eventId: 'evt_a' }
      await storage.createReplay({ id: 'rpl_a', kind: 'replay', selection, perSecond: null, total: 1, now: LATER })
      await storage.stepReplay({ replayId: 'rpl_a', now: LATER, limit: 10, examine: 10 })
      matches(await claimOne(storage, 'ep_a', { now: LATER }), { claim: 1, round: 2 }, 'its number is used again')
    },
  },
  {
    name: 'cancel event: of leases given back together only those of canceled events are canceled',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b']) await sendOne(storage, { id, to: ['ep_a'] })
      const leases = (await claim(storage, 'ep_a')).map(({ lease }) => lease)
      await cancelEvent(storage, { id: 'evt_a' })
      await storage.releaseLeases({ now: LATER, worker: WORKER, leases })
      const claimed = await claim(storage, 'ep_a', { now: LATER })
      same(
        claimed.map(({ lease }) => [lease.eventId, lease.claim]),
        [['evt_b', 1]],
        'the other is claimed again, as if for the first time',
      )
    },
  },
  {
    name: 'durability: an event canceled while its deliveries are in flight stays so',
    needs: 'durable',
    async check({ storage, reopen }) {
      const lease = await canceledInFlight(storage)
      const again = await reopen()
      same((await again.getEvent({ id: 'evt_a', tenant: null }))?.canceledAt, NOW, 'the event')
      same((await settleAll(again, [rejected(lease, LATER)], LATER)).statuses, ['canceled'], 'the mark')
    },
  },
  {
    name: 'two instances: what one leased the other cancels',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      const lease = await claimOne(storage, 'ep_a')
      const calls = await Promise.all([storage, other, storage, other].map((one) => cancelEvent(one, { id: 'evt_a' })))
      same(
        calls.flatMap(({ canceled }) => canceled.map(({ endpointId }) => endpointId)),
        ['ep_b'],
        'told once',
      )
      same((await settleAll(storage, [rejected(lease, LATER)], LATER)).statuses, ['canceled'], 'the mark is seen')
    },
  },
]

export const cancelingLeased: Behaviour[] = [...settled, ...released]
