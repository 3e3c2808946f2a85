import type { PruneInput, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import {
  addEndpoint,
  claimOne,
  collect,
  deliver,
  deliveriesOf,
  failed,
  NOW,
  offer,
  pause,
  send,
  sendOne,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000_000

/** Everything that ended up to a while ago, unless told otherwise. */
async function pruneAll(storage: Storage, over: Partial<PruneInput> = {}): Promise<number> {
  const input = { now: LATER, deliveredBefore: LATER, failedBefore: LATER, limit: 100, ...over }
  let removed = 0
  for (let calls = 0; calls < 100; calls++) {
    const rows = await storage.prune(input)
    holds(rows <= input.limit, 'prune removes no more rows than told')
    if (rows === 0) return removed
    removed += rows
  }
  throw new Error('prune must come to an end')
}

async function eventIds(storage: Storage): Promise<string[]> {
  const filter = { tenant: null, type: null, since: null, until: null }
  const events = await collect((page) => storage.listEvents({ ...filter, ...page }))
  return events.map(({ id }) => id).sort()
}

/** Events of the deliveries that are kept. */
async function keptIds(storage: Storage): Promise<string[]> {
  const deliveries = await collect((page) => storage.listDeliveries({ selection: {}, ...page }))
  return deliveries.map(({ eventId }) => eventId).sort()
}

export const pruning: Behaviour[] = [
  {
    name: 'prune: removes what ended before, with its attempts and its event',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await deliver(storage, 'evt_a', 'ep_a')
      holds((await pruneAll(storage)) >= 2, 'prune tells how many rows it removed')
      same(await storage.getDelivery({ id, tenant: null }), null, 'the delivery is gone')
      const attempts = await collect((page) => storage.listAttempts({ deliveryId: id, ...page }))
      same(attempts, [], 'its attempts are gone')
      same(await eventIds(storage), [], 'its event is gone')
    },
  },
  {
    name: 'prune: replays go a while after their end, never while they run',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await deliver(storage, 'evt_a', 'ep_a')
      const begin = (id: string) =>
        storage.createReplay({ id, kind: 'replay', selection: { type: 'none' }, perSecond: null, total: 0, now: NOW })
      await begin('rpl_ended')
      await storage.stepReplay({ replayId: 'rpl_ended', now: NOW, limit: 10, examine: 10 })
      await begin('rpl_running')
      await pruneAll(storage, { deliveredBefore: 0 })
      same(await storage.getReplay('rpl_ended'), null, 'the one that ended is gone')
      same((await storage.getReplay('rpl_running'))?.state, 'running', 'the one that runs is kept')
    },
  },
  {
    name: 'prune: never what is pending, leased or held, however old',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_leased', to: ['ep_a'] })
      await claimOne(storage, 'ep_a')
      await send(storage, { id: 'evt_pending', to: ['ep_b'] })
      await send(storage, { id: 'evt_held', to: ['ep_c'] })
      await pause(storage, 'ep_c')
      await pruneAll(storage)
      same(await keptIds(storage), ['evt_held', 'evt_leased', 'evt_pending'], 'live rows are kept')
      same(await eventIds(storage), ['evt_held', 'evt_leased', 'evt_pending'], 'and the events they need')
    },
  },
  {
    name: 'prune: an event stays while one of its deliveries does',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      await settleOne(storage, failed(await claimOne(storage, 'ep_a')))
      await pruneAll(storage)
      same(await eventIds(storage), ['evt_a'], 'the event is kept')
      const left = await deliveriesOf(storage, 'evt_a')
      same(
        left.map(({ endpointId }) => endpointId),
        ['ep_b'],
        'the delivery that ended is gone, the other is kept',
      )
    },
  },
  {
    name: 'prune: delivered and failed have times of their own',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await deliver(storage, 'evt_delivered', 'ep_a')
      await sendOne(storage, { id: 'evt_failed', to: ['ep_a'] })
      await settleOne(storage, failed(await claimOne(storage, 'ep_a')))
      const endedAt = NOW + 12
      await pruneAll(storage, { deliveredBefore: endedAt, failedBefore: endedAt })
      same(await keptIds(storage), ['evt_delivered', 'evt_failed'], 'what ended at that very moment is kept')
      await pruneAll(storage, { deliveredBefore: NOW, failedBefore: endedAt + 1 })
      same(await keptIds(storage), ['evt_delivered'], 'failed ones by failedBefore')
      await pruneAll(storage, { deliveredBefore: endedAt + 1, failedBefore: NOW })
      same(await keptIds(storage), [], 'delivered ones by deliveredBefore')
    },
  },
  {
    name: 'prune: events without deliveries by their creation, but not while they fan out',
    async check({ storage }) {
      await offer(storage, { id: 'evt_bare', now: NOW })
      await offer(storage, { id: 'evt_recent', now: LATER })
      await offer(storage, { id: 'evt_fans_out', now: NOW, fanOut: 'background' })
      await pruneAll(storage)
      same(await eventIds(storage), ['evt_fans_out', 'evt_recent'], 'only what has nothing left to come goes')
      const done = { now: NOW, eventId: 'evt_fans_out', from: '', to: null, deliveries: [] }
      same(await storage.insertSlice(done), true, 'its fan-out ends')
      await pruneAll(storage)
      same(await eventIds(storage), ['evt_recent'], 'then it goes as well')
    },
  },
  {
    name: 'prune: in small portions it removes the same',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await deliver(storage, id, 'ep_a')
      await sendOne(storage, { id: 'evt_live', to: ['ep_a'] })
      await pruneAll(storage, { limit: 1 })
      same(await eventIds(storage), ['evt_live'], 'all that ended is gone')
    },
  },
  {
    name: 'prune: an idempotency key is kept until it expires',
    async check({ storage }) {
      await offer(storage, { id: 'evt_a', key: 'k' })
      await pruneAll(storage)
      same(await eventIds(storage), [], 'the event is gone')
      const again = await offer(storage, { id: 'evt_b', key: 'k', now: NOW + 1_000 })
      same(again, { status: 'duplicate', eventId: 'evt_a', deliveries: 0 }, 'its key still holds')
    },
  },
]
