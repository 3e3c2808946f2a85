import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, deliveriesOf, type EventChoices, NOW, newEvent, offer, WORKER } from './fixtures.ts'

async function begin(storage: Storage): Promise<void> {
  for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
}

/** Offers an event to be fanned out with its insert. Returns what became of it. */
async function offerInline(storage: Storage, id: string, over: Partial<EventChoices> = {}): Promise<string> {
  return (await offer(storage, { id, to: ['ep_a'], orderingKey: 'k', ...over })).status
}

async function offerBehind(storage: Storage, id: string, over: Partial<EventChoices> = {}): Promise<string> {
  return (await offer(storage, { id, fanOut: 'background', orderingKey: 'k', ...over })).status
}

function slice(storage: Storage, eventId: string, from: string, to: string | null): Promise<boolean> {
  const deliveries = [{ endpointId: to ?? 'ep_b', dueAt: NOW, leaseUntil: null }]
  return storage.insertSlice({ now: NOW, eventId, from, to, deliveries })
}

async function pendingIds(storage: Storage, limit = 10): Promise<string[]> {
  return (await storage.pendingFanOuts({ limit })).map(({ event }) => event.id)
}

export const fanOutOrder: Behaviour[] = [
  {
    name: 'fan-out order: behind an event of its key that still fans out an inline one has to wait',
    async check({ storage }) {
      await begin(storage)
      same(await offerInline(storage, 'evt_a'), 'inserted', 'with nothing before it, it is taken')
      same(await offerBehind(storage, 'evt_b'), 'inserted', 'one for the background is taken')
      same(await offerInline(storage, 'evt_c', { key: 'idem' }), 'fan_out_waits', 'the next inline one has to wait')
      same(await storage.getEvent({ id: 'evt_c', tenant: null }), null, 'nothing of it is written')
      same(await deliveriesOf(storage, 'evt_c'), [], 'no delivery of it either')
      await slice(storage, 'evt_b', '', 'ep_a')
      same(await offerInline(storage, 'evt_c', { key: 'idem' }), 'fan_out_waits', 'as long as one slice is to come')
      same(await offerBehind(storage, 'evt_c', { key: 'idem' }), 'inserted', 'for the background it is taken')
      same(await offerInline(storage, 'evt_d'), 'fan_out_waits', 'and others wait for that one')
      await slice(storage, 'evt_b', 'ep_a', null)
      same(await offerInline(storage, 'evt_d'), 'fan_out_waits', 'also once the first is over')
      await slice(storage, 'evt_c', '', null)
      same(await offerInline(storage, 'evt_d'), 'inserted', 'when all are over it is taken')
    },
  },
  {
    name: 'fan-out order: other keys, other tenants and events without a key do not wait',
    async check({ storage }) {
      await begin(storage)
      await addEndpoint(storage, 'ep_other', 'other')
      await offerBehind(storage, 'evt_a')
      await offer(storage, { id: 'evt_b', fanOut: 'background' })
      same(await offerInline(storage, 'evt_c', { orderingKey: 'K' }), 'inserted', 'another key')
      same(await offerInline(storage, 'evt_d', { tenant: 'other', to: ['ep_other'] }), 'inserted', 'another tenant')
      same((await offer(storage, { id: 'evt_e', to: ['ep_a'] })).status, 'inserted', 'no key')
    },
  },
  {
    name: 'fan-out order: the earlier one may stand in the same batch',
    async check({ storage }) {
      await begin(storage)
      const events = [
        await newEvent(storage, { id: 'evt_a', fanOut: 'background', orderingKey: 'k' }),
        await newEvent(storage, { id: 'evt_b', to: ['ep_a'], orderingKey: 'k' }),
        await newEvent(storage, { id: 'evt_c', to: ['ep_a'] }),
        await newEvent(storage, { id: 'evt_d', fanOut: 'background', orderingKey: 'k' }),
      ]
      const results = await storage.insertEvents({ now: NOW, worker: WORKER, events })
      same(
        results.map(({ status }) => status),
        ['inserted', 'fan_out_waits', 'inserted', 'inserted'],
        'that one alone has to wait',
      )
      same(await storage.getEvent({ id: 'evt_b', tenant: null }), null, 'nothing of it is written')
    },
  },
  {
    name: 'fan-out order: repeats, duplicates and outdated endpoints are answered first',
    async check({ storage }) {
      await begin(storage)
      const repeat = await newEvent(storage, { id: 'evt_a', to: ['ep_a'], orderingKey: 'k', key: 'idem' })
      const insert = async () => (await storage.insertEvents({ now: NOW, worker: WORKER, events: [repeat] }))[0]
      const first = await insert()
      const outdated = await newEvent(storage, { id: 'evt_c', to: ['ep_a'], orderingKey: 'k' })
      await offerBehind(storage, 'evt_b')
      same(await insert(), first, 'a repeat of what was written before is answered as before')
      same(await offerInline(storage, 'evt_d', { key: 'idem' }), 'duplicate', 'a duplicate is one')
      same(await offerInline(storage, 'evt_d', { key: 'idem', hash: 'other' }), 'conflict', 'a conflict is one')
      await addEndpoint(storage, 'ep_c')
      const [result] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [outdated] })
      same(result, { status: 'endpoints_changed' }, 'endpoints come before the order')
    },
  },
  {
    name: 'fan-out order: of the events of one tenant and key only the first fans out',
    async check({ storage }) {
      await begin(storage)
      await offerBehind(storage, 'evt_c')
      await offerBehind(storage, 'evt_b')
      await offerBehind(storage, 'evt_d', { orderingKey: 'other' })
      await offer(storage, { id: 'evt_e', fanOut: 'background' })
      await offerBehind(storage, 'evt_f', { tenant: 'other' })
      await offer(storage, { id: 'evt_a', fanOut: 'background' })
      const beside = ['evt_d', 'evt_e', 'evt_f', 'evt_a']
      same(await pendingIds(storage), ['evt_c', ...beside], 'other keys, other tenants and those without a key go on')
      same(await pendingIds(storage, 2), ['evt_c', 'evt_d'], 'one that waits takes no place')
      await slice(storage, 'evt_c', '', 'ep_a')
      same(await pendingIds(storage), ['evt_c', ...beside], 'until its last slice')
      await slice(storage, 'evt_c', 'ep_a', null)
      same(await pendingIds(storage), ['evt_b', ...beside], 'then the next of its key')
    },
  },
  {
    name: 'fan-out order: the endpoints that the caller addressed are kept for the slices',
    async check({ storage }) {
      await begin(storage)
      await offerBehind(storage, 'evt_a', { orderingKey: 'one', endpointIds: ['ep_b', 'ep_a'] })
      await offerBehind(storage, 'evt_b', { orderingKey: 'two', endpointIds: [] })
      await offerBehind(storage, 'evt_c', { orderingKey: 'three' })
      await slice(storage, 'evt_a', '', 'ep_a')
      same(
        (await storage.pendingFanOuts({ limit: 10 })).map(({ endpointIds }) => endpointIds),
        [['ep_b', 'ep_a'], [], null],
        'as they were given, none and all told apart',
      )
    },
  },
]
