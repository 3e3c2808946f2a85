import type { DeliveryState } from '../../model/delivery.ts'
import type { Selection } from '../../model/replay.ts'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import {
  addEndpoint,
  claimOne,
  collect,
  deliver,
  delivered,
  deliveriesOf,
  deliveryNow,
  endpointNow,
  NOW,
  newEndpoint,
  offer,
  rejected,
  sendOne,
  settleOne,
} from './fixtures.ts'

type Listing = (page: { limit: number; examine: number }) => Promise<string[]>

function listing(storage: Storage, selection: Selection): Listing {
  return async (page) => {
    const items = await collect((input) => storage.listDeliveries({ selection, ...input }), page)
    return items.map(({ eventId }) => eventId)
  }
}

export const lists: Behaviour[] = [
  {
    name: 'lists: newest first, and the same in pages of any size',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const ids = ['evt_a', 'evt_b', 'evt_c', 'evt_d', 'evt_e']
      // Two of them in the same millisecond.
      for (const [index, id] of ids.entries())
        await sendOne(storage, { id, to: ['ep_a'], now: NOW + Math.floor(index / 2) })
      const newestFirst = ids.toReversed()
      for (const page of [
        { limit: 100, examine: 100 },
        { limit: 2, examine: 100 },
        { limit: 1, examine: 1 },
        { limit: 5, examine: 2 },
      ]) {
        const size = `limit ${page.limit}, examine ${page.examine}`
        same(await listing(storage, {})(page), newestFirst, `deliveries, ${size}`)
        same(await listing(storage, { endpointId: 'ep_a' })(page), newestFirst, `deliveries of an endpoint, ${size}`)
        const filter = { tenant: null, type: null, since: null, until: null }
        const events = await collect((input) => storage.listEvents({ ...filter, ...input }), page)
        same(
          events.map(({ id }) => id),
          newestFirst,
          `events, ${size}`,
        )
      }
    },
  },
  {
    name: 'lists: what is inserted between two pages neither hides nor repeats anything',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (let index = 0; index < 6; index++)
        await sendOne(storage, { id: `evt_${index}`, to: ['ep_a'], now: NOW + index })
      let inserted = 0
      const insert = () => sendOne(storage, { id: `evt_new_${inserted++}`, to: ['ep_a'], now: NOW + 100 })
      const deliveries = await collect(
        async (page) => {
          const found = await storage.listDeliveries({ selection: {}, ...page })
          await insert()
          return found
        },
        { limit: 2 },
      )
      const old = ['evt_5', 'evt_4', 'evt_3', 'evt_2', 'evt_1', 'evt_0']
      same(
        deliveries.map(({ eventId }) => eventId),
        old,
        'deliveries: each row that was there, once',
      )
      const events = await collect(
        async (page) => {
          const filter = { tenant: null, type: null, since: null, until: NOW + 50 }
          const found = await storage.listEvents({ ...filter, ...page })
          await insert()
          return found
        },
        { limit: 2 },
      )
      same(
        events.map(({ id }) => id),
        old,
        'events: each row that was there, once',
      )
    },
  },
  {
    name: 'lists: deliveries by each condition, and by all together',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      await addEndpoint(storage, 'ep_b', 'acme')
      await addEndpoint(storage, 'ep_c', 'other')
      const { id } = await sendOne(storage, { id: 'evt_a', tenant: 'acme', to: ['ep_a'], now: NOW })
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a')))
      await sendOne(storage, { id: 'evt_b', tenant: 'acme', to: ['ep_b'], now: NOW + 10, type: 'order.made' })
      await sendOne(storage, { id: 'evt_c', tenant: 'other', to: ['ep_c'], now: NOW + 20 })
      const found = (selection: Selection) => listing(storage, selection)({ limit: 10, examine: 100 })
      const states = (...of: DeliveryState[]) => found({ states: of })
      same(await found({ tenant: 'acme' }), ['evt_b', 'evt_a'], 'by tenant')
      same(await found({ endpointId: 'ep_b' }), ['evt_b'], 'by endpoint')
      same(await found({ eventId: 'evt_c' }), ['evt_c'], 'by event')
      same(await found({ type: 'order.made' }), ['evt_b'], 'by type')
      same(await states('delivered'), ['evt_a'], 'by state')
      same(await states('pending', 'leased'), ['evt_c', 'evt_b'], 'by states')
      same(await found({ since: NOW + 10 }), ['evt_c', 'evt_b'], 'since is inclusive')
      same(await found({ until: NOW + 10 }), ['evt_a'], 'until is exclusive')
      same(await found({ ids: [id, 'dlv_none'] }), ['evt_a'], 'by ids')
      same(await found({ tenant: 'acme', states: ['pending'], since: NOW }), ['evt_b'], 'by several')
      same(await found({ tenant: 'other', endpointId: 'ep_a' }), [], 'all conditions hold together')
      same(await found({ endpointId: 'ep_none' }), [], 'of an endpoint that is not there')
    },
  },
  {
    name: 'lists: events by each condition, without their bytes',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', tenant: 'acme', now: NOW })
      await offer(storage, { id: 'evt_b', tenant: 'acme', now: NOW + 10, type: 'order.made' })
      await offer(storage, { id: 'evt_c', tenant: 'other', now: NOW + 20 })
      const found = async (filter: { tenant?: string; type?: string; since?: number; until?: number }) => {
        const { tenant = null, type = null, since = null, until = null } = filter
        const items = await collect((page) => storage.listEvents({ tenant, type, since, until, ...page }))
        holds(!items.some((item) => 'body' in item), 'a list carries no bodies')
        return items.map(({ id }) => id)
      }
      same(await found({ tenant: 'acme' }), ['evt_b', 'evt_a'], 'by tenant')
      same(await found({ type: 'order.made' }), ['evt_b'], 'by type')
      same(await found({ since: NOW + 10 }), ['evt_c', 'evt_b'], 'since is inclusive')
      same(await found({ until: NOW + 10 }), ['evt_a'], 'until is exclusive')
      const whole = await storage.getEvent({ id: 'evt_a', tenant: null })
      const [summary] = await collect((page) =>
        storage.listEvents({ tenant: 'acme', type: null, since: null, until: NOW + 1, ...page }),
      )
      same({ ...summary, body: whole?.body }, { ...whole }, 'but all else')
    },
  },
  {
    name: 'lists: a page looks at a bounded number of rows, and may be short or empty',
    async check({ storage }) {
      for (let index = 0; index < 5; index++) {
        const type = index === 0 ? 'order.made' : 'invoice.paid'
        await offer(storage, { id: `evt_${index}`, now: NOW + index, type })
      }
      const filter = { tenant: null, type: 'order.made', since: null, until: null }
      const first = await storage.listEvents({ ...filter, limit: 10, examine: 2, after: null })
      holds(first.items.length === 0 && first.next !== null, 'a page that found nothing yet tells where to go on')
      const all = await collect((page) => storage.listEvents({ ...filter, ...page }), { limit: 10, examine: 2 })
      same(
        all.map(({ id }) => id),
        ['evt_0'],
        'going on finds what there is',
      )
    },
  },
  {
    name: 'lists: attempts in the order of their numbers, in pages of any size',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      for (let index = 0; index < 4; index++) await settleOne(storage, rejected(await claimOne(storage, 'ep_a'), NOW))
      for (const limit of [10, 2, 1]) {
        const attempts = await collect((page) => storage.listAttempts({ deliveryId: id, ...page }), { limit })
        same(
          attempts.map(({ number }) => number),
          [1, 2, 3, 4],
          `limit ${limit}`,
        )
      }
      const none = await collect((page) => storage.listAttempts({ deliveryId: 'dlv_none', ...page }))
      same(none, [], 'of a delivery that is not there')
    },
  },
  {
    name: 'lists: a record that was handed out does not change afterwards',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const [delivery] = await deliveriesOf(storage, 'evt_a')
      const endpoint = await endpointNow(storage, 'ep_a')
      holds(delivery !== undefined, 'the delivery is listed')
      const before = structuredClone({ delivery, endpoint })
      await settleOne(storage, rejected(await claimOne(storage, 'ep_a'), NOW + 5))
      await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings: { headers: { x: 'y' } }, now: NOW })
      same({ delivery, endpoint }, before, 'what was read is what was read')
    },
  },
  {
    name: 'lists: changing a record, handed in or handed out, changes nothing that is kept',
    async check({ storage }) {
      const given = newEndpoint('ep_a')
      const created = await storage.createEndpoint({ endpoint: given, now: NOW })
      const before = structuredClone(created)
      given.metadata['plan'] = 'changed'
      created.headers['x-customer'] = 'changed'
      const read = await endpointNow(storage, 'ep_a')
      read.secrets.length = 0
      same(await endpointNow(storage, 'ep_a'), before, 'an endpoint')
      const delivery = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      delivery.state = 'canceled'
      same((await deliveryNow(storage, delivery.id)).state, 'pending', 'a delivery')
    },
  },
  {
    name: 'lists: a delivery whose endpoint was deleted is still found',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await deliver(storage, 'evt_a', 'ep_a')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      same((await deliveryNow(storage, id)).state, 'delivered', 'by its id')
      same(await listing(storage, { endpointId: 'ep_a' })({ limit: 10, examine: 10 }), ['evt_a'], 'by its endpoint')
    },
  },
]
