import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  attemptOf,
  claim,
  claimOne,
  collect,
  delivered,
  deliveryNow,
  dueNow,
  failed,
  LEASE_MS,
  NOW,
  rejected,
  send,
  sendOne,
  settleAll,
  settleOne,
} from './fixtures.ts'

async function leaseOne(storage: Storage) {
  await addEndpoint(storage, 'ep_a')
  await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
  return claimOne(storage, 'ep_a')
}

function attempts(storage: Storage, deliveryId: string) {
  return collect((page) => storage.listAttempts({ deliveryId, ...page }))
}

export const settling: Behaviour[] = [
  {
    name: 'settle: the attempt and the next state are written together',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      const settlement = delivered(lease)
      await settleOne(storage, settlement)
      same(await attempts(storage, lease.deliveryId), [settlement.attempt], 'the attempt is kept as it was given')
      matches(
        await deliveryNow(storage, lease.deliveryId),
        { state: 'delivered', reason: null, attemptCount: 1, nextAttemptAt: null, endedAt: NOW + 12 },
        'the delivery is in its next state, its attempt counted',
      )
      same(await storage.expiredLeases({ now: NOW + 10 * LEASE_MS, limit: 10 }), [], 'its lease is over')
    },
  },
  {
    name: 'settle: an attempt without an answer is kept as it was given',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      const attempt = attemptOf(lease, {
        outcome: 'connection_failed',
        durationMs: null,
        status: null,
        requestHeaders: {},
        responseHeaders: {},
        responseBody: null,
        remoteAddress: null,
        timings: null,
        error: { phase: 'connect', reason: 'refused', message: 'connection refused' },
      })
      await settleOne(storage, rejected(lease, NOW, { attempt }))
      same(await attempts(storage, lease.deliveryId), [attempt], 'nothing is made of what was null')
    },
  },
  {
    name: 'settle: a retry is due when told, at the step told',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      const next = { state: 'pending' as const, dueAt: NOW + 700, step: 4, lost: 2 }
      await settleOne(storage, rejected(lease, 0, { next }))
      matches(
        await deliveryNow(storage, lease.deliveryId),
        { state: 'pending', nextAttemptAt: NOW + 700, attemptCount: 1, endedAt: null },
        'the delivery waits for its retry',
      )
      same(await dueNow(storage, NOW + 699), [], 'not before')
      const again = await claimOne(storage, 'ep_a', { now: NOW + 700 })
      matches(again, { claim: 2, round: 1, step: 4, lost: 2 }, 'step and losses are those of the settlement')
    },
  },
  {
    name: 'settle: a delivery at rest tells why, and is never claimed again',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      await settleOne(storage, failed(lease))
      matches(
        await deliveryNow(storage, lease.deliveryId),
        { state: 'failed', reason: 'attempts_exhausted', endedAt: NOW + 12, nextAttemptAt: null },
        'state, reason and end are those of the settlement',
      )
      same(await claim(storage, 'ep_a', { now: NOW + 10 * LEASE_MS }), [], 'nothing more happens to it')
      same(await storage.nextDueAt(), null, 'and nothing will')
    },
  },
  {
    name: 'settle: another claim than the one in force is stale, and writes nothing',
    async check({ storage }) {
      const first = await leaseOne(storage)
      await settleOne(storage, rejected(first, NOW))
      const second = await claimOne(storage, 'ep_a')
      const before = await deliveryNow(storage, second.deliveryId)
      const tooLate = delivered(first, { attempt: attemptOf(first, { startedAt: NOW + 3 }) })
      same((await settleAll(storage, [tooLate])).statuses, ['stale'], 'the fence is the claim number')
      same(await deliveryNow(storage, second.deliveryId), before, 'the delivery is unchanged')
      same((await attempts(storage, second.deliveryId)).length, 1, 'no attempt is written')
      await settleOne(storage, delivered(second))
    },
  },
  {
    name: 'settle: what is not leased is not settled',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      await settleOne(storage, rejected(lease, NOW))
      const ahead = delivered({ ...lease, claim: 1 }, { attempt: attemptOf({ ...lease, leasedAt: NOW + 9 }) })
      same((await settleAll(storage, [ahead])).statuses, ['stale'], 'a pending delivery has no lease to settle')
      matches(await deliveryNow(storage, lease.deliveryId), { state: 'pending', attemptCount: 1 }, 'it still waits')
      const unknown = delivered({ ...lease, deliveryId: 'dlv_0ZZZZZZZZZZ' })
      same((await settleAll(storage, [unknown])).statuses, ['stale'], 'a delivery that is not there is stale')
    },
  },
  {
    name: 'settle: the same settlement again is already applied, and writes nothing twice',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      const settlement = rejected(lease, NOW + 10)
      await settleOne(storage, settlement)
      const health = (await storage.getEndpoint({ id: 'ep_a', tenant: null }))?.health
      const again = await settleAll(storage, [settlement])
      same(again.statuses, ['alreadyApplied'], 'a repeat after a doubtful commit is recognised')
      matches(await deliveryNow(storage, lease.deliveryId), { attemptCount: 1 }, 'the attempt is counted once')
      same((await attempts(storage, lease.deliveryId)).length, 1, 'the attempt is written once')
      const after = (await storage.getEndpoint({ id: 'ep_a', tenant: null }))?.health
      same(after, health, 'the endpoint is observed once')
      await claimOne(storage, 'ep_a', { now: NOW + 10 })
      same((await settleAll(storage, [settlement])).statuses, ['alreadyApplied'], 'also after the next claim')
    },
  },
  {
    name: 'settle: a settled delivery keeps its verdict',
    async check({ storage }) {
      const lease = await leaseOne(storage)
      await settleOne(storage, delivered(lease))
      const other = { ...failed(lease), attempt: attemptOf(lease, { outcome: 'rejected' }) }
      same((await settleAll(storage, [other])).statuses, ['stale'], "another's verdict is stale")
      const elsewhere = delivered(lease, { attempt: attemptOf(lease, { startedAt: lease.leasedAt + 1 }) })
      same((await settleAll(storage, [elsewhere])).statuses, ['stale'], 'so is the same verdict of another attempt')
      matches(
        await deliveryNow(storage, lease.deliveryId),
        { state: 'delivered', attemptCount: 1 },
        'the first one holds',
      )
    },
  },
  {
    name: 'settle: a batch is answered in its order, each on its own',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c']
      for (const id of endpoints) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: endpoints })
      const [a, b, c] = [
        await claimOne(storage, 'ep_a'),
        await claimOne(storage, 'ep_b'),
        await claimOne(storage, 'ep_c'),
      ]
      const result = await settleAll(storage, [
        delivered(c),
        delivered({ ...a, claim: 7 }),
        rejected(b, NOW),
        delivered(c),
      ])
      same(result.statuses, ['applied', 'stale', 'applied', 'alreadyApplied'], 'statuses stand in their order')
      same((await deliveryNow(storage, a.deliveryId)).state, 'leased', 'the stale one is untouched')
    },
  },
]
