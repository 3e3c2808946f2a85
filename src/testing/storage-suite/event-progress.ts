import type { EventProgress, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  cancelEvent,
  chain,
  claimOne,
  deliver,
  delivered,
  deliveryNow,
  failed,
  NOW,
  offer,
  send,
  settleOne,
  versionOf,
} from './fixtures.ts'

/** Of an event that must be there. */
async function progressOf(storage: Storage, id: string): Promise<EventProgress> {
  const progress = await storage.eventProgress({ id, tenant: null })
  holds(progress !== null, `event ${id} is found`)
  return progress
}

const progress: Behaviour[] = [
  {
    name: 'event progress: its deliveries are counted by state',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c', 'ep_d', 'ep_e']
      for (const id of endpoints) await addEndpoint(storage, id)
      await chain(storage, 'ep_a', ['evt_before'])
      await send(storage, { id: 'evt_a', to: endpoints, orderingKey: 'k' })
      const counts = async () => (await progressOf(storage, 'evt_a')).counts
      same(await counts(), { open: 5, delivered: 0, failed: 0, canceled: 0 }, 'pending, and behind another: open')
      await settleOne(storage, delivered(await claimOne(storage, 'ep_b')))
      await settleOne(storage, failed(await claimOne(storage, 'ep_c')))
      await claimOne(storage, 'ep_d')
      same(await counts(), { open: 3, delivered: 1, failed: 1, canceled: 0 }, 'in flight: open')
      await cancelEvent(storage, { id: 'evt_a' })
      same(await counts(), { open: 1, delivered: 1, failed: 1, canceled: 2 }, 'canceled, but for what is in flight')
    },
  },
  {
    name: 'event progress: tells the event, how it is fanned out, and whether that goes on',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const endpointsVersion = await versionOf(storage)
      await offer(storage, { id: 'evt_a', fanOut: 'background', endpointIds: ['ep_b', 'ep_a'] })
      await offer(storage, { id: 'evt_b', to: ['ep_a'] })
      await offer(storage, { id: 'evt_c', endpointIds: [] })
      await addEndpoint(storage, 'ep_later')
      const none = { open: 0, delivered: 0, failed: 0, canceled: 0 }
      const { event, ...rest } = await progressOf(storage, 'evt_a')
      holds(!('body' in event), 'the event comes without its bytes')
      const kept = await storage.getEvent({ id: 'evt_a', tenant: null })
      same({ ...event, body: kept?.body }, { ...kept }, 'but with all else')
      same(
        rest,
        { endpointIds: ['ep_b', 'ep_a'], endpointsVersion, fanningOut: true, counts: none },
        'the endpoints that were addressed, as given, and the version of its acceptance',
      )
      const beside = { endpointIds: null, endpointsVersion, fanningOut: false }
      matches(await progressOf(storage, 'evt_b'), { ...beside, counts: { ...none, open: 1 } }, 'for all that match')
      matches(await progressOf(storage, 'evt_c'), { ...beside, endpointIds: [] }, 'for none')
      const slice = (from: string, to: string | null) =>
        storage.insertSlice({ now: NOW, eventId: 'evt_a', from, to, deliveries: [] })
      await slice('', 'ep_a')
      same((await progressOf(storage, 'evt_a')).fanningOut, true, 'until its last slice')
      await slice('ep_a', null)
      same((await progressOf(storage, 'evt_a')).fanningOut, false, 'then no longer')
    },
  },
  {
    name: 'event progress: a canceled event says so, and fans out no more',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', fanOut: 'background' })
      const { event } = await cancelEvent(storage, { id: 'evt_a' })
      matches(await progressOf(storage, 'evt_a'), { event, fanningOut: false }, 'with the moment')
    },
  },
  {
    name: "event progress: another tenant's event is not found, nor one that is not there",
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', tenant: 'acme' })
      same(await storage.eventProgress({ id: 'evt_a', tenant: 'other' }), null, 'a foreign one')
      same(await storage.eventProgress({ id: 'evt_none', tenant: null }), null, 'none at all')
      holds((await storage.eventProgress({ id: 'evt_a', tenant: 'acme' })) !== null, 'its own tenant finds it')
    },
  },
]

const named: Behaviour[] = [
  {
    name: 'lists: the deliveries of an event for some endpoints',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c']
      for (const id of endpoints) await addEndpoint(storage, id)
      await deliver(storage, 'evt_beside', 'ep_a')
      const deliveries = await send(storage, { id: 'evt_a', to: endpoints })
      await claimOne(storage, 'ep_b')
      const of = async (eventId: string, endpointIds: string[]) => {
        const found = await storage.deliveriesOf({ eventId, endpointIds })
        return found.sort((a, b) => (a.endpointId < b.endpointId ? -1 : 1))
      }
      const two = await Promise.all(deliveries.slice(0, 2).map(({ id }) => deliveryNow(storage, id)))
      same(await of('evt_a', ['ep_b', 'ep_a', 'ep_none']), two, 'those that are named, as they are kept')
      same(await of('evt_a', ['ep_a', 'ep_a']), two.slice(0, 1), 'each once')
      same(await of('evt_a', []), [], 'none of none')
      same(await of('evt_none', ['ep_a']), [], 'none of an event that is not there')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      same(await of('evt_a', ['ep_a']), two.slice(0, 1), 'also once the endpoint is deleted')
    },
  },
]

export const eventProgress: Behaviour[] = [...progress, ...named]
