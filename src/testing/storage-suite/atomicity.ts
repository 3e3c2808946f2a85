import type { AttemptRecord } from '../../model/attempt.ts'
import type { EventRecord } from '../../model/event.ts'
import type { Behaviour } from './behaviour.ts'
import { refused, same } from './expect.ts'
import {
  addEndpoint,
  claimOne,
  collect,
  delivered,
  deliveriesOf,
  deliveryNow,
  dueNow,
  NOW,
  newEvent,
  offer,
  send,
  settleAll,
  WORKER,
} from './fixtures.ts'

/** A record of which one field cannot be read: whoever writes it fails in the middle. */
function unreadable<T extends EventRecord | AttemptRecord | { dueAt: number }>(record: T, field: keyof T): T {
  return Object.defineProperty({ ...record }, field, {
    enumerable: true,
    get() {
      throw new Error('this field cannot be read')
    },
  })
}

export const atomicity: Behaviour[] = [
  {
    name: 'atomicity: a batch of events of which one fails writes none',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const good = await newEvent(storage, { id: 'evt_a', key: 'k', to: ['ep_a'] })
      const bad = await newEvent(storage, { id: 'evt_b', to: ['ep_a'] })
      const events = [good, { ...bad, event: unreadable(bad.event, 'metadata') }]
      await refused(storage.insertEvents({ now: NOW, worker: WORKER, events }), 'the batch fails as a whole')
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), null, 'no event of it is written')
      same(await deliveriesOf(storage, 'evt_a'), [], 'no delivery of it is written')
      same(await dueNow(storage), [], 'no lane has fallen due by it')
      same((await offer(storage, { id: 'evt_c', key: 'k' })).status, 'inserted', 'no key of it is taken')
    },
  },
  {
    name: 'atomicity: a batch of settlements of which one fails writes none',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      const [a, b] = [await claimOne(storage, 'ep_a'), await claimOne(storage, 'ep_b')]
      const bad = delivered(b)
      const batch = [delivered(a), { ...bad, attempt: unreadable(bad.attempt, 'responseHeaders') }]
      await refused(settleAll(storage, batch), 'the batch fails as a whole')
      same((await deliveryNow(storage, a.deliveryId)).state, 'leased', 'no delivery of it has moved')
      const attempts = await collect((page) => storage.listAttempts({ deliveryId: a.deliveryId, ...page }))
      same(attempts, [], 'no attempt of it is written')
      same((await settleAll(storage, [delivered(a), bad])).statuses, ['applied', 'applied'], 'it can be settled later')
    },
  },
  {
    name: 'atomicity: a slice of which one delivery fails writes none and moves no cursor',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await offer(storage, { id: 'evt_a', fanOut: 'background' })
      const deliveries = ['ep_a', 'ep_b'].map((endpointId) => ({ endpointId, dueAt: NOW, leaseUntil: null }))
      const [first, second] = deliveries
      if (first === undefined || second === undefined) return
      const slice = { now: NOW, eventId: 'evt_a', from: '', to: null }
      const bad = { ...slice, deliveries: [first, unreadable(second, 'dueAt')] }
      await refused(storage.insertSlice(bad), 'the slice fails as a whole')
      same(await deliveriesOf(storage, 'evt_a'), [], 'no delivery of it is written')
      same(await storage.insertSlice({ ...slice, deliveries }), true, 'the cursor has not moved')
    },
  },
]
