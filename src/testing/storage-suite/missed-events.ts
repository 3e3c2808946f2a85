import type { Selection } from '../../model/replay.ts'
import type { MissedEvent, MissedEvents, MissedEventsQuery, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, cancelEvent, claimOne, deliver, NOW, offer, send } from './fixtures.ts'

function look(storage: Storage, selection: Selection, over: Partial<MissedEventsQuery> = {}): Promise<MissedEvents> {
  const query = { after: null, bound: null, limit: 100, examine: 1_000, ...over }
  return storage.missedEvents({ selection: { endpointId: 'ep_a', ...selection }, ...query })
}

/** What all looks find together. */
async function missed(
  storage: Storage,
  selection: Selection = {},
  over: Partial<MissedEventsQuery> = {},
): Promise<MissedEvent[]> {
  const events: MissedEvent[] = []
  let after = over.after ?? null
  for (let looks = 0; looks < 100; looks++) {
    const found = await look(storage, selection, { ...over, after })
    holds(found.events.length <= (over.limit ?? 100), 'a look finds no more than its limit')
    events.push(...found.events)
    if (found.next === null) return events
    after = found.next
  }
  throw new Error('looks must come to an end')
}

async function missedIds(storage: Storage, selection: Selection = {}, over: Partial<MissedEventsQuery> = {}) {
  return (await missed(storage, selection, over)).map(({ id }) => id)
}

export const missedEvents: Behaviour[] = [
  {
    name: 'missed events: those for which the endpoint has no delivery, in order of creation',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
      await offer(storage, { id: 'evt_z', to: ['ep_b'], type: 'order.made', now: NOW })
      await offer(storage, { id: 'evt_y', endpointIds: ['ep_b', 'ep_c'], now: NOW })
      await deliver(storage, 'evt_delivered', 'ep_a', NOW + 1)
      await send(storage, { id: 'evt_leased', to: ['ep_a'], now: NOW + 1 })
      await claimOne(storage, 'ep_a', { now: NOW + 1 })
      await send(storage, { id: 'evt_pending', to: ['ep_a', 'ep_b'], now: NOW + 1 })
      await offer(storage, { id: 'evt_x', endpointIds: [], now: NOW + 2 })
      await offer(storage, { id: 'evt_w', fanOut: 'background', now: NOW + 2 })
      const expected: MissedEvent[] = [
        { id: 'evt_z', type: 'order.made', endpointIds: null },
        { id: 'evt_y', type: 'invoice.paid', endpointIds: ['ep_b', 'ep_c'] },
        { id: 'evt_x', type: 'invoice.paid', endpointIds: [] },
        { id: 'evt_w', type: 'invoice.paid', endpointIds: null },
      ]
      same(await missed(storage), expected, 'each with its type and the endpoints that were addressed')
    },
  },
  {
    name: 'missed events: only what is selected',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const [index, id] of ['evt_a', 'evt_b', 'evt_c'].entries()) {
        await offer(storage, { id, now: NOW + 10 * index, type: id === 'evt_b' ? 'order.made' : 'invoice.paid' })
      }
      const all = ['evt_a', 'evt_b', 'evt_c']
      same(await missedIds(storage), all, 'all')
      same(await missedIds(storage, { tenant: 'default' }), all, "by the endpoint's tenant")
      same(await missedIds(storage, { tenant: 'other' }), [], 'by a tenant that is not its own')
      same(await missedIds(storage, { eventId: 'evt_b' }), ['evt_b'], 'by id')
      same(await missedIds(storage, { eventId: 'evt_none' }), [], 'by an id that is not there')
      same(await missedIds(storage, { type: 'invoice.paid' }), ['evt_a', 'evt_c'], 'by type')
      same(await missedIds(storage, { since: NOW + 10 }), ['evt_b', 'evt_c'], 'since is inclusive')
      same(await missedIds(storage, { until: NOW + 20 }), ['evt_a', 'evt_b'], 'until is exclusive')
      const several = { tenant: 'default', type: 'order.made', since: NOW, until: NOW + 10 }
      same(await missedIds(storage, several), [], 'all conditions hold together')
      same(await missedIds(storage, { ...several, until: NOW + 11, eventId: 'evt_b' }), ['evt_b'], 'as they may')
    },
  },
  {
    name: "missed events: never those of another tenant than the endpoint's",
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      await offer(storage, { id: 'evt_own', tenant: 'acme' })
      await offer(storage, { id: 'evt_foreign', tenant: 'other' })
      same(await missedIds(storage), ['evt_own'], 'whatever the selection leaves open')
      same(await missedIds(storage, { tenant: 'other' }), [], 'whatever it says')
      same(await missedIds(storage, { eventId: 'evt_foreign' }), [], 'or names')
    },
  },
  {
    name: 'missed events: never canceled ones',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b']) await offer(storage, { id })
      await cancelEvent(storage, { id: 'evt_a' })
      same(await missedIds(storage), ['evt_b'], 'by a look over all')
      same(await missedIds(storage, { eventId: 'evt_a' }), [], 'nor by its id')
    },
  },
  {
    name: 'missed events: none where there is no such endpoint',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await offer(storage, { id: 'evt_a' })
      same(await look(storage, { endpointId: 'ep_none' }), { events: [], next: null }, 'none was made')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      same(await look(storage, {}), { events: [], next: null }, 'it was deleted')
    },
  },
  {
    name: 'missed events: the same in looks of any size, each bounded',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (let index = 0; index < 4; index++) await deliver(storage, `evt_had_${index}`, 'ep_a')
      const ids = ['evt_d', 'evt_c', 'evt_b', 'evt_a']
      // Two of them in the same millisecond.
      for (const [index, id] of ids.entries()) await offer(storage, { id, now: NOW + Math.floor(index / 2) })
      const first = await look(storage, {}, { examine: 2 })
      holds(first.events.length === 0 && first.next !== null, 'a look that found nothing yet tells where to go on')
      for (const [limit, examine] of [
        [100, 100],
        [2, 100],
        [1, 1],
        [100, 3],
      ] as const) {
        same(await missedIds(storage, {}, { limit, examine }), ids, `limit ${limit}, examine ${examine}`)
        const since = await missedIds(storage, { since: NOW + 1 }, { limit, examine })
        same(since, ['evt_b', 'evt_a'], `since, limit ${limit}, examine ${examine}`)
      }
    },
  },
  {
    name: 'missed events: up to the bound of a backfill, from its cursor',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const selection = { endpointId: 'ep_a' }
      const begin = (id: string) =>
        storage.createReplay({ id, kind: 'backfill', selection, perSecond: null, total: 0, now: NOW })
      const empty = await begin('rpl_empty')
      for (const id of ['evt_a', 'evt_b']) await offer(storage, { id })
      const { cursor: after, bound } = await begin('rpl_a')
      // One of the same millisecond, one by a clock that was set back.
      await offer(storage, { id: 'evt_same' })
      await offer(storage, { id: 'evt_back', now: NOW - 500 })
      await offer(storage, { id: 'evt_later', now: NOW + 500 })
      same(await missedIds(storage, {}, { after, bound }), ['evt_a', 'evt_b'], 'what was there when it began')
      same(await missedIds(storage, {}, { after, bound, limit: 1, examine: 1 }), ['evt_a', 'evt_b'], 'look by look')
      const none = await missedIds(storage, {}, { after: empty.cursor, bound: empty.bound })
      same(none, [], 'with nothing there nothing is part of it')
      same((await missedIds(storage)).length, 5, 'without a bound all that there is now')
    },
  },
  {
    name: 'missed events: looking writes nothing',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await offer(storage, { id: 'evt_a' })
      same(await missedIds(storage), ['evt_a'], 'it is missed')
      same(await missedIds(storage), ['evt_a'], 'and stays so')
      same(await storage.nextDueAt(), null, 'nothing is due')
    },
  },
]
