import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  deliveryNow,
  dueNow,
  LEASE_MS,
  NOW,
  rejected,
  send,
  sendOne,
  settleOne,
} from './fixtures.ts'

export const claiming: Behaviour[] = [
  {
    name: 'claim: leases a due delivery, with what one attempt needs',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      const { id } = await sendOne(storage, { id: 'evt_a', tenant: 'acme', to: ['ep_a'] })
      const event = await storage.getEvent({ id: 'evt_a', tenant: null })
      const [claimed, ...more] = await claim(storage, 'ep_a', { now: NOW + 3 })
      same(more.length, 0, 'one delivery is claimed once')
      same(
        claimed?.lease,
        {
          deliveryId: id,
          eventId: 'evt_a',
          endpointId: 'ep_a',
          tenant: 'acme',
          claim: 1,
          round: 1,
          step: 0,
          lost: 0,
          ordered: false,
          leasedAt: NOW + 3,
          until: NOW + 3 + LEASE_MS,
        },
        'the lease tells claim, round, step and its time',
      )
      const { type, contentType, body, headers, createdAt } = event ?? {}
      same<unknown>(
        claimed?.event,
        { id: 'evt_a', type, contentType, body, headers, createdAt },
        "the event's content comes with the lease",
      )
      matches(await deliveryNow(storage, id), { state: 'leased', nextAttemptAt: null }, 'the delivery is leased')
    },
  },
  {
    name: 'claim: never what is leased already',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await claimOne(storage, 'ep_a')
      same(await dueNow(storage), [], 'a lane whose deliveries are all leased is not due')
      same(await claim(storage, 'ep_a'), [], 'a leased delivery is not leased again')
      const afterwards = await claim(storage, 'ep_a', { now: NOW + LEASE_MS + 1 })
      same(afterwards, [], 'an expired lease is settled as lost first, not claimed over')
    },
  },
  {
    name: 'claim: never before it is due',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'], dueAt: NOW + 100 })
      same(await storage.nextDueAt(), NOW + 100, 'nextDueAt tells when it falls due')
      same(await dueNow(storage, NOW + 99), [], 'its lane is not due before')
      same(await claim(storage, 'ep_a', { now: NOW + 99 }), [], 'it is not claimed before')
      same(await dueNow(storage, NOW + 100), ['ep_a'], 'its lane is due from then on')
      same((await claim(storage, 'ep_a', { now: NOW + 100 })).length, 1, 'it is claimed from then on')
      same(await dueNow(storage, NOW + 100), [], 'nothing is left')
    },
  },
  {
    name: 'claim: the oldest due deliveries first, no more than granted',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await send(storage, { id: 'evt_c', to: ['ep_a'], dueAt: NOW + 30 })
      await send(storage, { id: 'evt_a', to: ['ep_a'], dueAt: NOW + 10 })
      await send(storage, { id: 'evt_b', to: ['ep_a'], dueAt: NOW + 20 })
      const ids = async (limit: number) =>
        (await claim(storage, 'ep_a', { now: NOW + 40, limit })).map(({ lease }) => lease.eventId)
      same(await ids(2), ['evt_a', 'evt_b'], 'by the moment they fell due, up to the limit')
      same(await ids(2), ['evt_c'], 'the rest with the next claim')
    },
  },
  {
    name: 'claim: each claim adds one to the claim number',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      for (let number = 1; number <= 3; number++) {
        const lease = await claimOne(storage, 'ep_a')
        same(lease.claim, number, 'the claim number grows by one')
        same(lease.step, number - 1, 'the step is what the settlement wrote')
        await settleOne(storage, rejected(lease, NOW))
      }
    },
  },
  {
    name: 'claim: several lanes in one call, each by its own grant',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await send(storage, { id, to: ['ep_a', 'ep_b', 'ep_c'] })
      const claimed = await storage.claimDue({
        now: NOW,
        worker: 'wrk_a',
        room: [
          { endpointId: 'ep_a', limit: 1, leaseUntil: NOW + 10 },
          { endpointId: 'ep_b', limit: 2, leaseUntil: NOW + 20 },
        ],
        defer: [],
      })
      same(
        claimed.map(({ lease }) => [lease.endpointId, lease.until]),
        [
          ['ep_a', NOW + 10],
          ['ep_b', NOW + 20],
          ['ep_b', NOW + 20],
        ],
        'each lane gives what it was granted, for as long as granted; others give nothing',
      )
    },
  },
]
