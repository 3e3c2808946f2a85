import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  attemptOf,
  claim,
  claimOne,
  delivered,
  deliveryNow,
  dueNow,
  NOW,
  rejected,
  send,
  sendOne,
  settleAll,
  settleOne,
  WORKER,
} from './fixtures.ts'

export const leases: Behaviour[] = [
  {
    name: 'leases: one that ended is listed, with its worker, and not before its end',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a', { worker: 'wrk_b', leaseUntil: NOW + 100 })
      same(await storage.expiredLeases({ now: NOW + 99, limit: 10 }), [], 'a lease in force is not listed')
      same(
        await storage.expiredLeases({ now: NOW + 101, limit: 10 }),
        [{ ...lease, worker: 'wrk_b', type: 'invoice.paid' }],
        'a lease that ended is listed as it was given',
      )
      same((await deliveryNow(storage, lease.deliveryId)).state, 'leased', 'listing changes nothing')
    },
  },
  {
    name: 'leases: nextDueAt tells when one expires',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await claimOne(storage, 'ep_a', { leaseUntil: NOW + 100 })
      const next = (await storage.nextDueAt()) ?? 0
      const found = (now: number) => storage.expiredLeases({ now, limit: 10 }).then(({ length }) => length)
      same(await found(next), 1, 'at that moment expiredLeases finds it')
      same(await found(next - 1), 0, 'and not before')
    },
  },
  {
    name: 'leases: those that ended first are listed first, up to the limit',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c']
      for (const id of endpoints) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: endpoints })
      await claimOne(storage, 'ep_a', { leaseUntil: NOW + 300 })
      await claimOne(storage, 'ep_b', { leaseUntil: NOW + 100 })
      await claimOne(storage, 'ep_c', { leaseUntil: NOW + 200 })
      const listed = await storage.expiredLeases({ now: NOW + 1_000, limit: 2 })
      same(
        listed.map(({ endpointId }) => endpointId),
        ['ep_b', 'ep_c'],
        'oldest first',
      )
    },
  },
  {
    name: 'leases: a lost one is settled, and only the next claim may settle from then on',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const lost = await claimOne(storage, 'ep_a', { leaseUntil: NOW + 100 })
      const now = NOW + 101
      await settleOne(
        storage,
        delivered(lost, {
          attempt: attemptOf(lost, { outcome: 'lost', status: null, durationMs: null }),
          next: { state: 'pending', dueAt: now, step: 0, lost: 1 },
          observation: null,
        }),
        now,
      )
      same(await storage.expiredLeases({ now, limit: 10 }), [], 'a settled lease is not listed')
      const next = await claimOne(storage, 'ep_a', { now })
      matches(next, { claim: 2, step: 0, lost: 1 }, 'the next claim follows, with the losses counted')
      same((await settleAll(storage, [delivered(lost)], now)).statuses, ['stale'], 'who lost its lease comes too late')
    },
  },
  {
    name: 'leases: one given back is pending again, due as before, its claim number taken back',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'], dueAt: NOW + 5 })
      const lease = await claimOne(storage, 'ep_a', { now: NOW + 10 })
      await storage.releaseLeases({ now: NOW + 11, worker: WORKER, leases: [lease] })
      matches(
        await deliveryNow(storage, id),
        { state: 'pending', nextAttemptAt: NOW + 5, attemptCount: 0 },
        'it is as it was before the claim',
      )
      same(await dueNow(storage, NOW + 11), ['ep_a'], 'its lane is due again')
      same((await claimOne(storage, 'ep_a', { now: NOW + 11 })).claim, 1, 'no number is left out')
    },
  },
  {
    name: 'leases: only its worker gives a lease back, and only under its claim number',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const first = await claimOne(storage, 'ep_a')
      await settleOne(storage, rejected(first, NOW))
      const second = await claimOne(storage, 'ep_a')
      const release = (worker: string, lease: typeof first) =>
        storage.releaseLeases({ now: NOW, worker, leases: [lease] })
      await release('wrk_b', second)
      same(await claim(storage, 'ep_a'), [], 'another worker cannot give it back')
      await release(WORKER, first)
      same(await claim(storage, 'ep_a'), [], 'an earlier claim cannot give it back')
      await release(WORKER, second)
      await release(WORKER, second)
      same((await claimOne(storage, 'ep_a')).claim, 2, 'giving back twice takes one number back')
    },
  },
]
