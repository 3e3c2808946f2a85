import type { ReplayRecord, Selection } from '../../model/replay.ts'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  collect,
  deliver,
  delivered,
  deliveriesOf,
  deliveryNow,
  failed,
  NOW,
  rejected,
  sendOne,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000

function begin(storage: Storage, selection: Selection, now = LATER): Promise<ReplayRecord> {
  return storage.createReplay({ id: 'rpl_a', kind: 'replay', selection, perSecond: null, total: 2, now })
}

function step(storage: Storage, limit = 100, examine = 100): Promise<ReplayRecord | null> {
  return storage.stepReplay({ replayId: 'rpl_a', now: LATER, limit, examine })
}

/** Steps until the replay has ended. */
async function run(storage: Storage, limit = 100, examine = 100): Promise<ReplayRecord | null> {
  let replay = await step(storage, limit, examine)
  for (let steps = 0; steps < 100 && replay?.state === 'running'; steps++) replay = await step(storage, limit, examine)
  return replay
}

async function deliverThree(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_a')
  for (const id of ['evt_a', 'evt_b', 'evt_c']) await deliver(storage, id, 'ep_a')
}

export const replay: Behaviour[] = [
  {
    name: 'replay: what is at rest is pending again, due now, in its next round, from the first step',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const { id } = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const retry = { state: 'pending' as const, dueAt: NOW, step: 4, lost: 2 }
      await settleOne(storage, rejected(await claimOne(storage, 'ep_a'), NOW, { next: retry }))
      await settleOne(storage, failed(await claimOne(storage, 'ep_a')))
      await begin(storage, { tenant: 'default' })
      matches(await run(storage), { state: 'completed', requeued: 1, skipped: 0, endedAt: LATER }, 'the replay ends')
      matches(
        await deliveryNow(storage, id),
        { state: 'pending', reason: null, endedAt: null, round: 2, nextAttemptAt: LATER, attemptCount: 2 },
        'the delivery begins another round, its attempts kept',
      )
      const lease = await claimOne(storage, 'ep_a', { now: LATER })
      matches(lease, { claim: 3, round: 2, step: 0, lost: 0 }, 'claim numbers go on, the schedule begins anew')
    },
  },
  {
    name: 'replay: creating one is answered with its record, and again with the same',
    async check({ storage }) {
      const created = await begin(storage, { tenant: 'acme', states: ['failed'] })
      const expected: ReplayRecord = {
        id: 'rpl_a',
        kind: 'replay',
        tenant: 'acme',
        selection: { tenant: 'acme', states: ['failed'] },
        state: 'running',
        perSecond: null,
        total: 2,
        requeued: 0,
        skipped: 0,
        cursor: created.cursor,
        bound: created.bound,
        createdAt: LATER,
        endedAt: null,
      }
      same(created, expected, 'the record tells what was asked for')
      same(
        await begin(storage, { tenant: 'acme', states: ['failed'] }, LATER + 5),
        created,
        'repeating changes nothing',
      )
      same(await storage.getReplay('rpl_a'), created, 'getReplay finds it')
      same(await storage.runningReplays({ limit: 10 }), [created], 'it is running')
      same(await storage.getReplay('rpl_none'), null, 'another is not there')
      const unknown = { replayId: 'rpl_none', now: NOW, limit: 1, examine: 1 }
      same(await storage.stepReplay(unknown), null, 'nor can it be stepped')
    },
  },
  {
    name: 'replay: deliveries made later are not part of it, not even of the same moment',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await deliver(storage, 'evt_a', 'ep_a', LATER)
      await begin(storage, { tenant: 'default' }, LATER)
      await deliver(storage, 'evt_b', 'ep_a', LATER)
      matches(await run(storage), { requeued: 1 }, 'only what was there is replayed')
      const [later] = await deliveriesOf(storage, 'evt_b')
      same(later?.state, 'delivered', 'the later one stays at rest')
    },
  },
  {
    name: 'replay: each delivery is requeued once, even if it comes to rest meanwhile',
    async check({ storage }) {
      await deliverThree(storage)
      await begin(storage, { tenant: 'default' })
      for (let steps = 0; steps < 20; steps++) {
        const at = await step(storage, 1)
        for (const { lease } of await claim(storage, 'ep_a', { now: LATER })) {
          await settleOne(storage, delivered(lease), LATER)
        }
        if (at?.state !== 'running') break
      }
      matches(await storage.getReplay('rpl_a'), { state: 'completed', requeued: 3 }, 'three deliveries, once each')
      const rounds = await collect((page) => storage.listDeliveries({ selection: {}, ...page }))
      same(
        rounds.map(({ round }) => round),
        [2, 2, 2],
        'each is in its second round',
      )
    },
  },
  {
    name: 'replay: what is not at rest is skipped',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await deliver(storage, 'evt_rests', 'ep_a')
      await sendOne(storage, { id: 'evt_leased', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      const waiting = await sendOne(storage, { id: 'evt_pending', to: ['ep_a'] })
      await begin(storage, { tenant: 'default' })
      matches(await run(storage), { requeued: 1, skipped: 2 }, 'requeued and skipped are counted')
      same(await deliveryNow(storage, waiting.id), waiting, 'a pending delivery is left alone')
      await settleOne(storage, delivered(lease), LATER)
    },
  },
  {
    name: 'replay: deliveries of a deleted endpoint are skipped, and stay as they were',
    async check({ storage }) {
      await deliverThree(storage)
      const [delivery] = await deliveriesOf(storage, 'evt_a')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      await begin(storage, { tenant: 'default' })
      matches(await run(storage), { state: 'completed', requeued: 0, skipped: 3 }, 'nothing is requeued')
      matches(await deliveryNow(storage, delivery?.id ?? ''), { state: 'delivered', round: 1 }, 'it stays delivered')
    },
  },
  {
    name: 'replay: a step requeues and looks at no more than told, and goes on where it ended',
    async check({ storage }) {
      await deliverThree(storage)
      await begin(storage, { tenant: 'default' })
      matches(await step(storage, 2), { requeued: 2, state: 'running' }, 'no more than its limit')
      matches(await run(storage, 2), { requeued: 3, state: 'completed' }, 'the rest with the next steps')
      const selection = { tenant: 'default', type: 'order.made' }
      await storage.createReplay({ id: 'rpl_b', kind: 'replay', selection, perSecond: 5, total: 0, now: LATER })
      const first = await storage.stepReplay({ replayId: 'rpl_b', now: LATER, limit: 10, examine: 1 })
      matches(first, { state: 'running', perSecond: 5 }, 'it has looked at one of three')
    },
  },
  {
    name: 'replay: only what is selected',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await deliver(storage, 'evt_a', 'ep_a')
      await deliver(storage, 'evt_b', 'ep_b')
      const lost = await sendOne(storage, { id: 'evt_c', to: ['ep_b'] })
      await settleOne(storage, failed(await claimOne(storage, 'ep_b')))
      await begin(storage, { endpointId: 'ep_b', states: ['failed'] })
      matches(await run(storage), { state: 'completed', requeued: 1 }, 'one delivery is of this endpoint and failed')
      same((await deliveryNow(storage, lost.id)).state, 'pending', 'that one')
    },
  },
  {
    name: 'replay: a canceled one requeues nothing more',
    async check({ storage }) {
      await deliverThree(storage)
      await begin(storage, { tenant: 'default' })
      await step(storage, 1)
      const canceled = await storage.cancelReplay({ id: 'rpl_a', now: LATER + 5 })
      matches(canceled, { state: 'canceled', requeued: 1, endedAt: LATER + 5 }, 'it ends as it is')
      matches(await step(storage), { state: 'canceled', requeued: 1 }, 'a step changes nothing')
      same(await storage.runningReplays({ limit: 10 }), [], 'it is not running')
      matches(await storage.cancelReplay({ id: 'rpl_a', now: LATER + 9 }), { endedAt: LATER + 5 }, 'it ends once')
      same(await storage.cancelReplay({ id: 'rpl_none', now: NOW }), null, 'another is not there')
    },
  },
  {
    name: 'replay: progress tells what became of what was requeued',
    async check({ storage }) {
      await deliverThree(storage)
      await deliver(storage, 'evt_beside', 'ep_a')
      await begin(storage, { ids: await idsOf(storage, ['evt_a', 'evt_b', 'evt_c']) })
      await run(storage)
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a', { now: LATER })), LATER)
      await settleOne(storage, failed(await claimOne(storage, 'ep_a', { now: LATER })), LATER)
      same(
        await storage.replayProgress('rpl_a'),
        { delivered: 1, failed: 1, canceled: 0, open: 1 },
        'each delivery of the replay is counted where it is',
      )
    },
  },
  {
    name: 'replay: deliveries at rest are counted look by look',
    async check({ storage }) {
      await deliverThree(storage)
      await sendOne(storage, { id: 'evt_open', to: ['ep_a'] })
      let total = 0
      await collect(
        async ({ examine, after }) => {
          const { count, next } = await storage.countAtRest({ selection: { tenant: 'default' }, examine, after })
          total += count
          return { items: [], next }
        },
        { limit: 2, examine: 2 },
      )
      same(total, 3, 'all pages together count what is at rest')
    },
  },
]

async function idsOf(storage: Storage, events: string[]): Promise<string[]> {
  const deliveries = await Promise.all(events.map((id) => deliveriesOf(storage, id)))
  return deliveries.flat().map(({ id }) => id)
}
