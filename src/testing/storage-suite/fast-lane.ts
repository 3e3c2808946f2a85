import type { InsertResult, Lease, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  deliveriesOf,
  deliveryNow,
  LEASE_MS,
  NOW,
  newEvent,
  offer,
  pause,
  rejected,
  sendOne,
  settleOne,
  WORKER,
} from './fixtures.ts'

const UNTIL = NOW + LEASE_MS

/** Asks for a lease with the insert. */
function ask(storage: Storage, id: string): Promise<InsertResult> {
  return offer(storage, { id, to: ['ep_a'], leaseUntil: UNTIL })
}

const LEFT_TO_A_CLAIM: InsertResult = { status: 'inserted', leases: [], pending: 1 }

export const fastLane: Behaviour[] = [
  {
    name: 'fast lane: an idle lane grants the lease with the insert',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const result = await ask(storage, 'evt_a')
      const [delivery] = await deliveriesOf(storage, 'evt_a')
      holds(delivery !== undefined, 'the delivery is written')
      const lease: Lease = {
        deliveryId: delivery.id,
        eventId: 'evt_a',
        endpointId: 'ep_a',
        tenant: 'default',
        claim: 1,
        round: 1,
        step: 0,
        lost: 0,
        ordered: false,
        leasedAt: NOW,
        until: UNTIL,
      }
      same(result, { status: 'inserted', leases: [lease], pending: 0 }, 'the delivery is inserted leased, claim 1')
      matches(delivery, { state: 'leased', nextAttemptAt: null }, 'a leased delivery has no next attempt')
      same(await claim(storage, 'ep_a'), [], 'a leased delivery is not claimed')
      same(
        await storage.expiredLeases({ now: UNTIL + 1, limit: 10 }),
        [{ ...lease, worker: WORKER, type: 'invoice.paid' }],
        'its lease expires like any other',
      )
    },
  },
  {
    name: 'fast lane: a batch may lease several deliveries of an idle lane',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const events = await Promise.all(
        ['evt_a', 'evt_b'].map((id) => newEvent(storage, { id, to: ['ep_a'], leaseUntil: UNTIL })),
      )
      const results = await storage.insertEvents({ now: NOW, worker: WORKER, events })
      const leases = results.map((result) => (result.status === 'inserted' ? result.leases.length : 0))
      same(leases, [1, 1], 'a leased delivery is no backlog')
    },
  },
  {
    name: 'fast lane: no lease while the lane has something due',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      same(await ask(storage, 'evt_b'), LEFT_TO_A_CLAIM, 'a newcomer does not overtake the backlog')
      const next = await claimOne(storage, 'ep_a')
      same(next.deliveryId, id, 'the backlog goes first')
    },
  },
  {
    name: 'fast lane: a retry that is not yet due is no backlog',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'], dueAt: NOW + 60_000 })
      const result = await ask(storage, 'evt_b')
      same(result.status === 'inserted' ? result.leases.length : 0, 1, 'only what is due counts as backlog')
    },
  },
  {
    name: 'fast lane: no lease at a paused endpoint',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await pause(storage, 'ep_a')
      same(await ask(storage, 'evt_a'), LEFT_TO_A_CLAIM, 'a blocked lane leases nothing')
    },
  },
  {
    name: 'fast lane: no lease while the lane rests',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const retry = rejected(await claimOne(storage, 'ep_a'), NOW + 60_000, { blockLaneUntil: NOW + 5_000 })
      await settleOne(storage, retry)
      same(await ask(storage, 'evt_b'), LEFT_TO_A_CLAIM, 'a resting lane leases nothing')
      same((await deliveryNow(storage, id)).state, 'pending', 'the retry waits')
    },
  },
]
