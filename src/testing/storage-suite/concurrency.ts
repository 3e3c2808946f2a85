import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  collect,
  delivered,
  failed,
  NOW,
  newEvent,
  send,
  sendOne,
  settleAll,
  WORKER,
} from './fixtures.ts'

const CALLS = 8

function times<T>(call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: CALLS }, (_, index) => call(index)))
}

export const concurrency: Behaviour[] = [
  {
    name: 'concurrency: of parallel inserts under one key one is taken',
    async check({ storage }) {
      const events = await times((index) => newEvent(storage, { id: `evt_${index}`, key: 'k' }))
      const results = await Promise.all(
        events.map((event) => storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })),
      )
      const statuses = results.flat().map(({ status }) => status)
      same(statuses.filter((status) => status === 'inserted').length, 1, 'one is inserted')
      same(statuses.filter((status) => status === 'duplicate').length, CALLS - 1, 'the others are duplicates')
      const filter = { tenant: null, type: null, since: null, until: null }
      const kept = await collect((page) => storage.listEvents({ ...filter, ...page }))
      same(kept.length, 1, 'one event is kept')
    },
  },
  {
    name: 'concurrency: parallel claims never lease a delivery twice',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (let index = 0; index < 12; index++) await sendOne(storage, { id: `evt_${index}`, to: ['ep_a'] })
      const claimed = await times((index) => claim(storage, 'ep_a', { limit: 3, worker: `wrk_${index}` }))
      const ids = claimed.flat().map(({ lease }) => lease.deliveryId)
      same(new Set(ids).size, ids.length, 'each delivery is leased to one worker')
      same(ids.length, 12, 'and none is left')
    },
  },
  {
    name: 'concurrency: of parallel settlements of one lease one is applied',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [delivery] = await send(storage, { id: 'evt_a', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      const results = await times((index) => settleAll(storage, [index % 2 === 0 ? delivered(lease) : failed(lease)]))
      const statuses = results.flatMap((result) => result.statuses)
      same(statuses.filter((status) => status === 'applied').length, 1, 'one verdict counts')
      const attempts = await collect((page) => storage.listAttempts({ deliveryId: delivery?.id ?? '', ...page }))
      same(attempts.length, 1, 'one attempt is written')
    },
  },
  {
    name: 'concurrency: of parallel slices from one cursor one is written',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const event = await newEvent(storage, { id: 'evt_a', fanOut: 'background' })
      await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      const deliveries = [{ endpointId: 'ep_a', dueAt: NOW, leaseUntil: null }]
      const slice = { now: NOW, eventId: 'evt_a', from: '', to: 'ep_a', deliveries }
      const written = await times(() => storage.insertSlice(slice))
      same(written.filter(Boolean).length, 1, 'the cursor moves once')
    },
  },
  {
    name: 'concurrency: of parallel steps of a replay each delivery is requeued by one',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) {
        await sendOne(storage, { id, to: ['ep_a'] })
        await settleAll(storage, [failed(await claimOne(storage, 'ep_a'))])
      }
      await storage.createReplay({ id: 'rpl_a', kind: 'replay', selection: {}, perSecond: null, total: 3, now: NOW })
      await times(() => storage.stepReplay({ replayId: 'rpl_a', now: NOW, limit: 1, examine: 10 }))
      same((await storage.getReplay('rpl_a'))?.requeued, 3, 'three deliveries are counted once each')
      const rows = await collect((page) => storage.listDeliveries({ selection: {}, ...page }))
      same(
        rows.map(({ round }) => round),
        [2, 2, 2],
        'each is in its second round',
      )
    },
  },
]
