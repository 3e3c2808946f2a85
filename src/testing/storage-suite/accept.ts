import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  deliveriesOf,
  deliveryNow,
  NOW,
  newEvent,
  offer,
  pause,
  send,
  sendOne,
  WORKER,
} from './fixtures.ts'

export const accept: Behaviour[] = [
  {
    name: 'accept: an event is kept as it was given, byte for byte',
    async check({ storage }) {
      const given = await newEvent(storage, { id: 'evt_a', key: 'k', now: NOW })
      given.event.body = Uint8Array.from([0, 255, 10, 13, 34, 0])
      given.event.headers = { 'x-odd': 'ü "quoted"' }
      await storage.insertEvents({ now: NOW, worker: WORKER, events: [given] })
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), given.event, 'getEvent returns what was inserted')
    },
  },
  {
    name: 'accept: each delivery is written with its event, pending and due when told',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      const deliveries = await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'], now: NOW, dueAt: NOW + 50 })
      same(new Set(deliveries.map(({ id }) => id)).size, 2, 'each delivery has an id of its own')
      for (const [index, endpointId] of ['ep_a', 'ep_b'].entries()) {
        const delivery = deliveries[index] ?? null
        matches(
          delivery,
          {
            eventId: 'evt_a',
            endpointId,
            tenant: 'default',
            type: 'invoice.paid',
            state: 'pending',
            reason: null,
            round: 1,
            attemptCount: 0,
            nextAttemptAt: NOW + 50,
            createdAt: NOW,
            endedAt: null,
          },
          'a new delivery is pending, in its first round, due as told',
        )
        same(await deliveryNow(storage, delivery.id), delivery, 'getDelivery and listDeliveries tell the same')
      }
    },
  },
  {
    name: 'accept: a batch is answered in the order of its events',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const events = [
        await newEvent(storage, { id: 'evt_a', to: ['ep_a'] }),
        await newEvent(storage, { id: 'evt_b', key: 'k' }),
        await newEvent(storage, { id: 'evt_c', key: 'k' }),
        await newEvent(storage, { id: 'evt_d', to: ['ep_a'] }),
      ]
      same(
        await storage.insertEvents({ now: NOW, worker: WORKER, events }),
        [
          { status: 'inserted', leases: [], pending: 1 },
          { status: 'inserted', leases: [], pending: 0 },
          { status: 'duplicate', eventId: 'evt_b', deliveries: 0 },
          { status: 'inserted', leases: [], pending: 1 },
        ],
        'results stand in the order of the events',
      )
    },
  },
  {
    name: 'accept: an outdated endpoint-set version refuses that event, and that event alone',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const outdated = await newEvent(storage, { id: 'evt_a', to: ['ep_a'], key: 'k' })
      await addEndpoint(storage, 'ep_b')
      const current = await newEvent(storage, { id: 'evt_b', to: ['ep_a', 'ep_b'] })
      const results = await storage.insertEvents({ now: NOW, worker: WORKER, events: [outdated, current] })
      same(
        results.map(({ status }) => status),
        ['endpoints_changed', 'inserted'],
        'only the event whose endpoints are outdated is refused',
      )
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), null, 'nothing of a refused event is written')
      same((await deliveriesOf(storage, 'evt_a')).length, 0, 'no delivery of a refused event is written')
      same((await offer(storage, { id: 'evt_a', key: 'k' })).status, 'inserted', 'a refused event leaves no key behind')
    },
  },
  {
    name: 'accept: any change of an endpoint refuses what was decided before it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const outdated = await newEvent(storage, { id: 'evt_a', to: ['ep_a'] })
      await pause(storage, 'ep_a')
      const [result] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [outdated] })
      same(result, { status: 'endpoints_changed' }, 'a pause counts from the next insert')
    },
  },
  {
    name: 'accept: tenants see their own events only',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      const { id } = await sendOne(storage, { id: 'evt_a', tenant: 'acme', to: ['ep_a'] })
      holds((await storage.getEvent({ id: 'evt_a', tenant: 'acme' })) !== null, 'a tenant finds its own event')
      holds((await storage.getDelivery({ id, tenant: 'acme' })) !== null, 'a tenant finds its own delivery')
      same(await storage.getEvent({ id: 'evt_a', tenant: 'other' }), null, "another tenant's event is not found")
      same(await storage.getDelivery({ id, tenant: 'other' }), null, "another tenant's delivery is not found")
    },
  },
]
