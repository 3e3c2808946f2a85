import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, deliveriesOf, NOW, newEvent, offer, WORKER } from './fixtures.ts'

const HOUR = 3_600_000

export const idempotency: Behaviour[] = [
  {
    name: 'idempotency: the same key and arguments again are a duplicate, other arguments a conflict',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await offer(storage, { id: 'evt_a', key: 'k', hash: 'one', to: ['ep_a'] })
      same(
        await offer(storage, { id: 'evt_b', key: 'k', hash: 'one', to: ['ep_a'] }),
        { status: 'duplicate', eventId: 'evt_a', deliveries: 1 },
        'a duplicate names the first event and its deliveries',
      )
      same(
        await offer(storage, { id: 'evt_c', key: 'k', hash: 'two', to: ['ep_a'] }),
        { status: 'conflict', eventId: 'evt_a' },
        'other arguments under the same key are a conflict',
      )
      for (const id of ['evt_b', 'evt_c']) {
        same(await storage.getEvent({ id, tenant: null }), null, 'neither writes an event')
        same((await deliveriesOf(storage, id)).length, 0, 'neither writes a delivery')
      }
    },
  },
  {
    name: 'idempotency: a key is accepted once within one batch',
    async check({ storage }) {
      const events = [
        await newEvent(storage, { id: 'evt_a', key: 'k' }),
        await newEvent(storage, { id: 'evt_b', key: 'k' }),
      ]
      const results = await storage.insertEvents({ now: NOW, worker: WORKER, events })
      same(
        results.map(({ status }) => status),
        ['inserted', 'duplicate'],
        'the second of a batch sees the first',
      )
    },
  },
  {
    name: 'idempotency: a duplicate stays one after the endpoints changed',
    async check({ storage }) {
      const again = await newEvent(storage, { id: 'evt_b', key: 'k' })
      await offer(storage, { id: 'evt_a', key: 'k' })
      await addEndpoint(storage, 'ep_a')
      const [result] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [again] })
      same(result?.status, 'duplicate', 'a known key is answered before versions are compared')
    },
  },
  {
    name: 'idempotency: keys of tenants are apart',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', tenant: 'acme', key: 'k' })
      same(
        (await offer(storage, { id: 'evt_b', tenant: 'other', key: 'k' })).status,
        'inserted',
        'a key counts per tenant',
      )
    },
  },
  {
    name: 'idempotency: an expired key is free again',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', key: 'k' })
      const before = await offer(storage, { id: 'evt_b', key: 'k', now: NOW + HOUR - 1 })
      same(before.status, 'duplicate', 'a key holds until it expires')
      const after = await offer(storage, { id: 'evt_c', key: 'k', hash: 'other', now: NOW + HOUR + 1 })
      same(after.status, 'inserted', 'an expired key is replaced')
      const again = await offer(storage, { id: 'evt_d', key: 'k', hash: 'other', now: NOW + HOUR + 2 })
      same(again, { status: 'duplicate', eventId: 'evt_c', deliveries: 0 }, 'the new entry holds from then on')
    },
  },
  {
    name: 'idempotency: an id of the caller again is a duplicate, with other arguments or by another tenant a conflict',
    async check({ storage }) {
      const mine = { id: 'order-1', idGiven: true, hash: 'one', tenant: 'acme' }
      same((await offer(storage, mine)).status, 'inserted', 'a given id is taken')
      const duplicate = { status: 'duplicate' as const, eventId: 'order-1', deliveries: 0 }
      same(await offer(storage, mine), duplicate, 'the same id and arguments are a duplicate')
      const conflict = { status: 'conflict' as const, eventId: 'order-1' }
      same(await offer(storage, { ...mine, hash: 'two' }), conflict, 'other arguments are a conflict')
      same(await offer(storage, { ...mine, tenant: 'other' }), conflict, "another tenant's id is a conflict")
    },
  },
  {
    name: 'idempotency: a duplicate of an event that still fans out has no count',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', key: 'k', fanOut: 'background' })
      same(
        await offer(storage, { id: 'evt_b', key: 'k' }),
        { status: 'duplicate', eventId: 'evt_a', deliveries: null },
        'deliveries is null while the fan-out goes on',
      )
    },
  },
]
