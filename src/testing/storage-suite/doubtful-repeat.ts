import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, delivered, deliveriesOf, LEASE_MS, NOW, newEvent, offer, settleOne, WORKER } from './fixtures.ts'

/** The engine repeats a write whose answer got lost. */
export const doubtfulRepeat: Behaviour[] = [
  {
    name: 'doubtful repeat: the same insert again writes nothing twice and answers as before',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      const event = await newEvent(storage, { id: 'evt_a', key: 'k', to: ['ep_a', 'ep_b'] })
      const insert = () => storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      const first = await insert()
      same(await insert(), first, 'a generated id again is a repeat of this very insert')
      same((await deliveriesOf(storage, 'evt_a')).length, 2, 'a repeat writes no second delivery')
    },
  },
  {
    name: 'doubtful repeat: leases still in force are handed out again, to their worker only',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const until = NOW + LEASE_MS
      const event = await newEvent(storage, { id: 'evt_a', to: ['ep_a'], leaseUntil: until })
      const insert = (now: number, worker = WORKER) => storage.insertEvents({ now, worker, events: [event] })
      const first = await insert(NOW)
      same(await insert(NOW + 1), first, 'the lease is in force, so it is answered again')
      const inserted = { status: 'inserted' as const, leases: [], pending: 0 }
      same(await insert(NOW + 1, 'wrk_b'), [inserted], "another worker's lease is not handed out")
      same(await insert(until + 1), [inserted], 'an expired lease is not handed out')
      holds(first[0]?.status === 'inserted' && first[0].leases[0] !== undefined, 'the fast lane was granted')
      await settleOne(storage, delivered(first[0].leases[0]))
      same(await insert(NOW + 2), [inserted], 'a settled lease is not handed out')
    },
  },
  {
    name: 'doubtful repeat: an insert that was written stays so after the endpoints changed',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const event = await newEvent(storage, { id: 'evt_a', to: ['ep_a'] })
      await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      await addEndpoint(storage, 'ep_b')
      const [again] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      same(again, { status: 'inserted', leases: [], pending: 1 }, 'a repeat is answered before versions are compared')
    },
  },
  {
    name: 'doubtful repeat: creating an endpoint again under its id changes nothing',
    async check({ storage }) {
      const first = await addEndpoint(storage, 'ep_a')
      same(await addEndpoint(storage, 'ep_a'), first, 'the endpoint made before is returned')
      const again = await offer(storage, { id: 'evt_a', to: ['ep_a'], endpointsVersion: first.createdVersion })
      same(again.status, 'inserted', 'a repeat is no change of the endpoint set')
    },
  },
]
