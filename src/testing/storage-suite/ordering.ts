import type { Lease, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  attemptOf,
  type ClaimChoices,
  chain,
  claim,
  claimedEvents,
  claimOne,
  delivered,
  deliveryNow,
  dueNow,
  failed,
  LEASE_MS,
  NOW,
  offer,
  rejected,
  sendOne,
  settleAll,
  settleOne,
  WORKER,
} from './fixtures.ts'

/** Claims, delivers, and tells whose turn it was. */
async function serveNext(storage: Storage, choices: ClaimChoices = {}): Promise<string> {
  const lease = await claimOne(storage, 'ep_a', choices)
  await settleOne(storage, delivered(lease), choices.now)
  return lease.eventId
}

function lost(lease: Lease, dueAt: number) {
  const attempt = attemptOf(lease, { outcome: 'lost', status: null, durationMs: null })
  return delivered(lease, { attempt, next: { state: 'pending', dueAt, step: 0, lost: 1 }, observation: null })
}

const turns: Behaviour[] = [
  {
    name: 'ordering: of one key only the head is claimed',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [head, ...others] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      matches(head ?? null, { state: 'pending', nextAttemptAt: NOW }, 'the head is due')
      for (const other of others) {
        matches(other, { state: 'pending', nextAttemptAt: null }, 'the others are pending, and due at no time')
      }
      const claimed = await claim(storage, 'ep_a')
      same(
        claimed.map(({ lease }) => [lease.eventId, lease.ordered]),
        [['evt_a', true]],
        'one is claimed, whatever was granted, and its lease tells that others wait for it',
      )
      same(await dueNow(storage), [], 'the lane is not due any more')
      same(await claim(storage, 'ep_a', { now: NOW + 60_000 }), [], 'nor is there anything to claim later')
      same(await storage.nextDueAt(), NOW + LEASE_MS, 'only the lease will end')
    },
  },
  {
    name: 'ordering: the next has its turn when the one before was delivered, failed or was canceled',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, , , last] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c', 'evt_d'])
      const ends = [
        delivered,
        failed,
        (lease: Lease) => ({
          ...failed(lease),
          next: { state: 'canceled' as const, reason: 'event_canceled' as const, endedAt: NOW },
        }),
      ]
      for (const [index, end] of ends.entries()) {
        const lease = await claimOne(storage, 'ep_a')
        same(lease.eventId, ['evt_a', 'evt_b', 'evt_c'][index], 'in the order in which they were written')
        const { promotedDueAt } = await settleOne(storage, end(lease))
        same(promotedDueAt, NOW, 'the settlement tells when the next is due')
        same(await dueNow(storage), ['ep_a'], 'its lane is due again')
      }
      matches(
        await deliveryNow(storage, last?.id ?? ''),
        { state: 'pending', nextAttemptAt: NOW },
        'it is the last one’s turn',
      )
      const { promotedDueAt } = await settleOne(storage, delivered(await claimOne(storage, 'ep_a')))
      same(promotedDueAt, null, 'after the last there is none')
      same(await storage.nextDueAt(), null, 'and nothing will fall due')
    },
  },
  {
    name: 'ordering: while the head is retried its key waits, other keys and those without one go on',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const { promotedDueAt } = await settleOne(storage, rejected(await claimOne(storage, 'ep_a'), NOW + 500))
      same(promotedDueAt, null, 'a retry keeps its turn')
      await chain(storage, 'ep_a', ['evt_c', 'evt_d'], { orderingKey: 'other' })
      await sendOne(storage, { id: 'evt_e', to: ['ep_a'] })
      same(await claimedEvents(storage, 'ep_a'), ['evt_c', 'evt_e'], 'the head of the other key, and the one without')
      const now = NOW + 500
      same(await claimedEvents(storage, 'ep_a', { now }), ['evt_a'], 'when it is due it is the same head')
    },
  },
  {
    name: 'ordering: a lease given back keeps its turn',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      await storage.releaseLeases({ now: NOW, worker: WORKER, leases: [lease] })
      const [again, ...more] = await claim(storage, 'ep_a')
      same([again?.lease], [lease], 'the head is claimed again, as before')
      same(more, [], 'and nobody else')
    },
  },
  {
    name: 'ordering: a lease that expired keeps its turn',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      await claimOne(storage, 'ep_a', { leaseUntil: NOW + 100 })
      const now = NOW + 101
      same(await claim(storage, 'ep_a', { now }), [], 'nobody overtakes it')
      const [expired] = await storage.expiredLeases({ now, limit: 10 })
      matches(expired ?? null, { eventId: 'evt_a', ordered: true }, 'it is listed as what it is')
      if (expired === undefined) return
      same((await settleOne(storage, lost(expired, now), now)).promotedDueAt, null, 'lost is not the end of it')
      same(await serveNext(storage, { now }), 'evt_a', 'it is tried again')
      same(await serveNext(storage, { now }), 'evt_b', 'then the next')
    },
  },
  {
    name: 'ordering: a key whose deliveries are all at rest begins anew',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      for (const id of ['evt_a', 'evt_b']) same(await serveNext(storage), id, 'one after the other')
      const [next] = await chain(storage, 'ep_a', ['evt_c'])
      matches(next ?? null, { nextAttemptAt: NOW }, 'the next one waits for nobody')
      matches(await claimOne(storage, 'ep_a'), { eventId: 'evt_c', ordered: true }, 'it is the head')
    },
  },
  {
    name: 'ordering: endpoints are apart, and keys are told apart to the last character',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
      await offer(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'], orderingKey: 'k' })
      await offer(storage, { id: 'evt_b', to: ['ep_a', 'ep_b'], orderingKey: 'k' })
      await settleOne(storage, rejected(await claimOne(storage, 'ep_a'), NOW + 60_000))
      await settleOne(storage, delivered(await claimOne(storage, 'ep_b')))
      same(await claimedEvents(storage, 'ep_b'), ['evt_b'], 'one endpoint goes on')
      same(await claim(storage, 'ep_a'), [], 'while the other waits for its retry')
      for (const [index, orderingKey] of ['K', 'k ', ' k', 'ḱ', 'kk'].entries()) {
        await sendOne(storage, { id: `evt_${index}`, to: ['ep_a'], orderingKey })
      }
      same((await claim(storage, 'ep_a')).length, 5, 'each of these is a key of its own')
    },
  },
]

const dueTimes: Behaviour[] = [
  {
    name: 'ordering: who comes first is not decided by due times: a head not yet due keeps the others waiting',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'], { dueAt: NOW + 100 })
      await chain(storage, 'ep_a', ['evt_b'])
      same(await dueNow(storage, NOW + 99), [], 'nothing of the key is due before its head')
      same(await storage.nextDueAt(), NOW + 100, 'that is when it begins')
      const now = NOW + 100
      same(await serveNext(storage, { now }), 'evt_a', 'the head goes first')
      same(await serveNext(storage, { now }), 'evt_b', 'then the other, long due')
    },
  },
  {
    name: 'ordering: the next is due at its own time, but not before the settlement',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const [later] = await chain(storage, 'ep_a', ['evt_c'], { dueAt: NOW + 500 })
      const first = await settleOne(storage, delivered(await claimOne(storage, 'ep_a')), NOW + 10)
      same(first.promotedDueAt, NOW + 10, 'what was due before is due now')
      same(await storage.nextDueAt(), NOW + 10, 'and nextDueAt tells so')
      const lease = await claimOne(storage, 'ep_a', { now: NOW + 10 })
      same(
        (await settleOne(storage, delivered(lease), NOW + 20)).promotedDueAt,
        NOW + 500,
        'what is due later stays so',
      )
      same((await deliveryNow(storage, later?.id ?? '')).nextAttemptAt, NOW + 500, 'it tells when')
      same(await dueNow(storage, NOW + 499), [], 'it is not due before')
      same(await claimedEvents(storage, 'ep_a', { now: NOW + 500 }), ['evt_c'], 'and can be claimed from then on')
    },
  },
  {
    name: 'ordering: the lane of the next one stands in line since it has its turn',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
      await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_other', to: ['ep_b'], dueAt: NOW + 5 })
      await settleOne(storage, delivered(lease), NOW + 10)
      same(await dueNow(storage, NOW + 10), ['ep_b', 'ep_a'], 'who fell due before is served before')
    },
  },
  {
    name: 'ordering: a batch of settlements tells the earliest of those whose turn came by it',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      await offer(storage, { id: 'evt_a', to: ['ep_a', 'ep_b', 'ep_c'], orderingKey: 'k' })
      for (const [endpointId, dueAt] of [
        ['ep_a', 300],
        ['ep_b', 200],
        ['ep_c', 100],
      ] as const) {
        await chain(storage, endpointId, [`evt_${endpointId}`], { dueAt: NOW + dueAt })
      }
      const [a, b, c] = [
        await claimOne(storage, 'ep_a'),
        await claimOne(storage, 'ep_b'),
        await claimOne(storage, 'ep_c'),
      ]
      const result = await settleAll(storage, [delivered(a), delivered(b), rejected(c, NOW + 1)])
      same(result.promotedDueAt, NOW + 200, 'not that of a key whose head is retried')
    },
  },
]

const onceOnly: Behaviour[] = [
  {
    name: 'ordering: a settlement repeated after a doubtful commit gives nobody a turn',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, , third] = await chain(storage, 'ep_a', ['evt_a', 'evt_b', 'evt_c'])
      const settlement = delivered(await claimOne(storage, 'ep_a'))
      await settleOne(storage, settlement)
      const repeat = async () => {
        const { statuses, promotedDueAt } = await settleAll(storage, [settlement])
        same([statuses, promotedDueAt], [['alreadyApplied'], null], 'a repeat is recognised, and promotes nobody')
        same((await deliveryNow(storage, third?.id ?? '')).nextAttemptAt, null, 'the third one waits on')
      }
      await repeat()
      const lease = await claimOne(storage, 'ep_a')
      await repeat()
      await settleOne(storage, rejected(lease, NOW + 5))
      await repeat()
    },
  },
  {
    name: 'ordering: a stale settlement gives nobody a turn',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [, second] = await chain(storage, 'ep_a', ['evt_a', 'evt_b'])
      const lease = await claimOne(storage, 'ep_a')
      const stale = await settleAll(storage, [delivered({ ...lease, claim: 7 })])
      same([stale.statuses, stale.promotedDueAt], [['stale'], null], 'the fence holds')
      same((await deliveryNow(storage, second?.id ?? '')).nextAttemptAt, null, 'the second one waits on')
    },
  },
]

export const ordering: Behaviour[] = [...turns, ...dueTimes, ...onceOnly]
