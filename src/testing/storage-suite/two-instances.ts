import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import {
  addEndpoint,
  claim,
  delivered,
  deliveryNow,
  dueNow,
  NOW,
  newEvent,
  pause,
  sendOne,
  settleAll,
  WORKER,
} from './fixtures.ts'

/** Above this the engine does not trust its clock. */
const DOUBT_MS = 2_000

export const twoInstances: Behaviour[] = [
  {
    name: 'time: two instances go by one clock',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      const [one, two] = await Promise.all([storage.time?.(), other.time?.()])
      if (one === undefined || two === undefined) return
      holds(Math.abs(one - two) <= DOUBT_MS, 'time tells the same at both')
    },
  },
  {
    name: 'two instances: what one has written the other reads',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      const endpoint = await addEndpoint(storage, 'ep_a')
      same(await other.getEndpoint({ id: 'ep_a', tenant: null }), endpoint, 'an endpoint')
      const delivery = await sendOne(other, { id: 'evt_a', to: ['ep_a'] })
      same(await deliveryNow(storage, delivery.id), delivery, 'a delivery')
      same(await dueNow(storage), ['ep_a'], 'that its lane is due')
    },
  },
  {
    name: 'two instances: an endpoint changed at one counts from the next insert at the other',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      const event = await newEvent(other, { id: 'evt_a', to: ['ep_a'] })
      await pause(storage, 'ep_a')
      const [result] = await other.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      same(result, { status: 'endpoints_changed' }, 'the version is compared by the insert')
    },
  },
  {
    name: 'two instances: a key is accepted once',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      const events = await Promise.all(['evt_a', 'evt_b'].map((id) => newEvent(storage, { id, key: 'k' })))
      const results = await Promise.all(
        events.map((event, index) =>
          (index === 0 ? storage : other).insertEvents({ now: NOW, worker: WORKER, events: [event] }),
        ),
      )
      const statuses = results.flat().map(({ status }) => status)
      same(statuses.sort(), ['duplicate', 'inserted'], 'one is inserted, the other is a duplicate')
    },
  },
  {
    name: 'two instances: a delivery is leased to one worker and settled once',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      await addEndpoint(storage, 'ep_a')
      for (let index = 0; index < 6; index++) await sendOne(storage, { id: `evt_${index}`, to: ['ep_a'] })
      const claimed = await Promise.all(
        [storage, other, storage, other].map((one, index) => claim(one, 'ep_a', { limit: 2, worker: `wrk_${index}` })),
      )
      const leases = claimed.flat().map(({ lease }) => lease)
      same(new Set(leases.map(({ deliveryId }) => deliveryId)).size, leases.length, 'no delivery is leased twice')
      same(leases.length, 6, 'and none is left')
      const settlements = leases.map((lease) => delivered(lease))
      const results = await Promise.all([settleAll(storage, settlements), settleAll(other, settlements)])
      const applied = results.flatMap(({ statuses }) => statuses).filter((status) => status === 'applied')
      same(applied.length, 6, 'each settlement is applied at one of them')
    },
  },
]
