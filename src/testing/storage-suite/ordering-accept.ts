import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  chain,
  claim,
  claimedEvents,
  claimOne,
  delivered,
  deliveriesOf,
  LEASE_MS,
  NOW,
  newEvent,
  offer,
  sendOne,
  settleOne,
  WORKER,
} from './fixtures.ts'

const UNTIL = NOW + LEASE_MS

/** Asks for a lease with the insert. */
const asking = (id: string) => ({ id, to: ['ep_a'] as [string], orderingKey: 'k', leaseUntil: UNTIL })

const NEITHER = { status: 'inserted' as const, leases: [], pending: 0 }

function slice(storage: Storage, eventId: string, endpoints: string[]): Promise<boolean> {
  const deliveries = endpoints.map((endpointId) => ({ endpointId, dueAt: NOW, leaseUntil: null }))
  return storage.insertSlice({ now: NOW, eventId, from: '', to: null, deliveries })
}

/** Claims and delivers one at a time until nothing is left; at no time are there two. */
async function drainInTurn(storage: Storage): Promise<string[]> {
  const served: string[] = []
  for (let turns = 0; turns < 100; turns++) {
    const [claimed, ...more] = await claim(storage, 'ep_a')
    same(more.length, 0, 'one of a key at a time')
    if (claimed === undefined) return served
    served.push(claimed.lease.eventId)
    await settleOne(storage, delivered(claimed.lease))
  }
  throw new Error('a chain must come to an end')
}

export const orderingAccept: Behaviour[] = [
  {
    name: 'ordering: behind a head that was leased with its insert the second waits',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const first = await offer(storage, asking('evt_a'))
      holds(first.status === 'inserted' && first.leases[0] !== undefined, 'a head is leased with the insert')
      same(first.leases[0].ordered, true, 'its lease tells that it takes turns')
      same(await offer(storage, asking('evt_b')), NEITHER, 'the second is neither leased nor left to a claim')
      same(await claim(storage, 'ep_a'), [], 'nor can it be claimed')
      same((await settleOne(storage, delivered(first.leases[0]))).promotedDueAt, NOW, 'until the first is at rest')
      same(await claimedEvents(storage, 'ep_a'), ['evt_b'], 'then it can')
    },
  },
  {
    name: 'ordering: within one batch the second waits as well',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const events = [await newEvent(storage, asking('evt_a')), await newEvent(storage, asking('evt_b'))]
      const other = { ...asking('evt_c'), orderingKey: 'other' }
      const insert = async () =>
        storage.insertEvents({ now: NOW, worker: WORKER, events: [...events, await newEvent(storage, other)] })
      const results = await insert()
      const counts = results.map((one) => (one.status === 'inserted' ? [one.leases.length, one.pending] : []))
      same(
        counts,
        [
          [1, 0],
          [0, 0],
          [1, 0],
        ],
        'the heads of both keys are leased, the second of the first is not',
      )
      same(await insert(), results, 'a repeat after a doubtful commit is answered as before')
    },
  },
  {
    name: 'ordering: one that waits for its turn is no backlog',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b']) await offer(storage, asking(id))
      const beside = await offer(storage, { id: 'evt_c', to: ['ep_a'], leaseUntil: UNTIL })
      same(beside.status === 'inserted' ? beside.leases.length : 0, 1, 'one without a key is leased with its insert')
    },
  },
  {
    name: 'ordering: turns go by the deliveries as they were written, not by their events',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await offer(storage, { id: 'evt_c', fanOut: 'background', orderingKey: 'k', now: NOW })
      await offer(storage, { id: 'evt_b', fanOut: 'background', orderingKey: 'k', now: NOW + 1 })
      await offer(storage, { id: 'evt_a', fanOut: 'background', orderingKey: 'k', now: NOW + 2 })
      for (const id of ['evt_b', 'evt_c', 'evt_a']) same(await slice(storage, id, ['ep_a']), true, 'a slice is written')
      same(await drainInTurn(storage), ['evt_b', 'evt_c', 'evt_a'], 'whose delivery was there first goes first')
    },
  },
  {
    name: 'ordering: what a slice writes waits behind what an insert wrote, and the other way round',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_a'])
      await offer(storage, { id: 'evt_b', fanOut: 'background', orderingKey: 'k' })
      await slice(storage, 'evt_b', ['ep_a'])
      await chain(storage, 'ep_a', ['evt_c'])
      matches((await deliveriesOf(storage, 'evt_b'))[0] ?? null, { nextAttemptAt: null }, 'it waits')
      same(await drainInTurn(storage), ['evt_a', 'evt_b', 'evt_c'], 'one after the other')
    },
  },
  {
    name: 'ordering: parallel inserts of a key make one head, and none is forgotten',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const ids = Array.from({ length: 12 }, (_, index) => `evt_${index}`)
      const events = await Promise.all(ids.map((id) => newEvent(storage, { id, to: ['ep_a'], orderingKey: 'k' })))
      const insert = (event: (typeof events)[number]) =>
        storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      await Promise.all(events.map(insert))
      same((await drainInTurn(storage)).sort(), [...ids].sort(), 'each has its turn')
    },
  },
  {
    name: 'ordering: an insert beside the settlement of the head is not forgotten',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (let round = 0; round < 10; round++) {
        await sendOne(storage, { id: `evt_head_${round}`, to: ['ep_a'], orderingKey: 'k' })
        const lease = await claimOne(storage, 'ep_a')
        const beside = await newEvent(storage, { id: `evt_beside_${round}`, to: ['ep_a'], orderingKey: 'k' })
        await Promise.all([
          settleOne(storage, delivered(lease)),
          storage.insertEvents({ now: NOW, worker: WORKER, events: [beside] }),
        ])
        same(await drainInTurn(storage), [`evt_beside_${round}`], 'it is promoted, or was the head at once')
      }
    },
  },
]
