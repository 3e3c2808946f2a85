import type { ReplayRecord, Selection } from '../../model/replay.ts'
import type { BackfillInput, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  cancelEvent,
  chain,
  claim,
  claimedEvents,
  claimOne,
  delivered,
  deliveriesOf,
  deliveryNow,
  dueNow,
  NOW,
  offer,
  pause,
  rejected,
  resume,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000

/** Begins a backfill of `ep_a`. */
function begin(storage: Storage, selection: Selection = {}, id = 'rpl_a'): Promise<ReplayRecord> {
  const wanted = { endpointId: 'ep_a', ...selection }
  return storage.createReplay({ id, kind: 'backfill', selection: wanted, perSecond: null, total: 3, now: LATER })
}

/** Writes these events for a backfill as it stands, as its last. */
function write(
  storage: Storage,
  { id: replayId, cursor: from }: ReplayRecord,
  eventIds: string[],
  over: Partial<BackfillInput> = {},
): Promise<ReplayRecord | null> {
  return storage.insertBackfill({ replayId, now: LATER, from, to: null, eventIds, ...over })
}

/** What the engine does: looks from the cursor, and writes what was found. */
async function step(storage: Storage, id = 'rpl_a', limit = 100): Promise<ReplayRecord | null> {
  const replay = await storage.getReplay(id)
  if (replay === null || replay.state !== 'running') return replay
  const { selection, cursor: after, bound } = replay
  const found = await storage.missedEvents({ selection, after, bound, limit, examine: 100 })
  const eventIds = found.events.map((event) => event.id)
  return write(storage, replay, eventIds, { to: found.next })
}

/** One event of a tenant that has no endpoint yet each, then the endpoint. */
async function missThree(storage: Storage): Promise<void> {
  for (const [index, id] of ['evt_a', 'evt_b', 'evt_c'].entries()) await offer(storage, { id, now: NOW + index })
  await addEndpoint(storage, 'ep_a', 'default', NOW + 10)
}

const written: Behaviour[] = [
  {
    name: 'backfill: an endpoint gets what it never had: pending, due now, in its first round',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      const expected = { state: 'completed', requeued: 3, skipped: 0, endedAt: LATER } as const
      matches(await write(storage, replay, ['evt_a', 'evt_b', 'evt_c']), expected, 'all are written, and it ends')
      matches(await storage.getReplay('rpl_a'), expected, 'as is kept')
      const [delivery] = await deliveriesOf(storage, 'evt_a')
      matches(
        delivery ?? null,
        {
          endpointId: 'ep_a',
          tenant: 'default',
          type: 'invoice.paid',
          state: 'pending',
          reason: null,
          round: 1,
          attemptCount: 0,
          nextAttemptAt: LATER,
          createdAt: LATER,
          endedAt: null,
        },
        'a delivery like any other',
      )
      same(await dueNow(storage, LATER - 1), [], 'not due before')
      same(await dueNow(storage, LATER), ['ep_a'], 'due now')
      const claimed = await claim(storage, 'ep_a', { now: LATER })
      const first = claimed.find(({ event }) => event.id === 'evt_a')
      matches(first?.lease ?? null, { claim: 1, round: 1, step: 0, lost: 0 }, 'from the first step')
      same(first?.event.createdAt, NOW, 'with what was accepted then')
    },
  },
  {
    name: 'backfill: slice by slice, until there is nothing more',
    async check({ storage }) {
      await missThree(storage)
      await begin(storage)
      const counts: (number | undefined)[] = []
      for (let steps = 0; steps < 10; steps++) {
        const replay = await step(storage, 'rpl_a', 2)
        counts.push(replay?.requeued)
        if (replay?.state !== 'running') break
      }
      same([counts.at(0), counts.at(-1)], [2, 3], 'no more than found, then the rest')
      matches(await storage.getReplay('rpl_a'), { state: 'completed', skipped: 0, endedAt: LATER }, 'it ends')
      same(await storage.runningReplays({ limit: 10 }), [], 'and runs no more')
      const reached = await claimedEvents(storage, 'ep_a', { now: LATER })
      same(reached.sort(), ['evt_a', 'evt_b', 'evt_c'], 'each once')
    },
  },
  {
    name: 'backfill: a slice without events moves the cursor',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      const to = { at: NOW + 1, key: replay.bound.key }
      matches(await write(storage, replay, [], { to }), { state: 'running', cursor: to, requeued: 0, skipped: 0 }, 'on')
      same((await storage.getReplay('rpl_a'))?.bound, replay.bound, 'the bound stays')
    },
  },
  {
    name: 'backfill: progress tells what became of what it wrote',
    async check({ storage }) {
      await missThree(storage)
      await offer(storage, { id: 'evt_beside', to: ['ep_a'], now: NOW })
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a')))
      await write(storage, await begin(storage), ['evt_a', 'evt_b', 'evt_c'])
      await settleOne(storage, delivered(await claimOne(storage, 'ep_a', { now: LATER })), LATER)
      const retry = rejected(await claimOne(storage, 'ep_a', { now: LATER }), LATER + 500)
      await settleOne(storage, retry, LATER)
      same(
        await storage.replayProgress('rpl_a'),
        { delivered: 1, failed: 0, canceled: 0, open: 2 },
        'each delivery of the backfill is counted where it is',
      )
      matches(await deliveryNow(storage, retry.deliveryId), { nextAttemptAt: LATER + 500, round: 1 }, 'it is retried')
    },
  },
]

const guarded: Behaviour[] = [
  {
    name: 'backfill: with another cursor stored nothing is written, so that a repeat changes nothing',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      const to = { at: NOW, key: replay.bound.key }
      const first = await write(storage, replay, ['evt_a'], { to })
      matches(first, { state: 'running', requeued: 1, cursor: to }, 'the first is written')
      same(await write(storage, replay, ['evt_a'], { to }), first, 'its repeat is not')
      same(await write(storage, replay, ['evt_b']), first, 'nor another made from there')
      same(
        await write(storage, { ...replay, cursor: { at: to.at, key: to.key + 1 } }, ['evt_b']),
        first,
        'nor from near',
      )
      same(await deliveriesOf(storage, 'evt_b'), [], 'nothing of it')
      holds(first !== null, 'it is there')
      const last = await write(storage, first, ['evt_b'])
      matches(last, { state: 'completed', requeued: 2 }, 'from its cursor it goes on')
      const again = { now: LATER + 9 }
      same(await write(storage, first, ['evt_b'], again), last, 'and once ended it stays as it ended')
      same(await write(storage, last ?? first, ['evt_c'], again), last, 'whatever comes')
    },
  },
  {
    name: 'backfill: one that was canceled writes nothing more, one that is not there is null',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      const canceled = await storage.cancelReplay({ id: 'rpl_a', now: LATER })
      same(await write(storage, replay, ['evt_a']), canceled, 'it is answered as it is')
      same(await deliveriesOf(storage, 'evt_a'), [], 'nothing is written')
      same(await write(storage, { ...replay, id: 'rpl_none' }, ['evt_a']), null, 'there is none')
    },
  },
  {
    name: 'backfill: events that are gone, were canceled or have their delivery by now are skipped',
    async check({ storage }) {
      await missThree(storage)
      await offer(storage, { id: 'evt_had', to: ['ep_a'], now: NOW + 20 })
      const [had] = await deliveriesOf(storage, 'evt_had')
      const replay = await begin(storage)
      while ((await storage.prune({ now: NOW, deliveredBefore: NOW + 1, failedBefore: 0, limit: 10 })) > 0);
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), null, 'one is gone')
      await cancelEvent(storage, { id: 'evt_b' })
      const counts = { requeued: 1, skipped: 4, state: 'completed' } as const
      const ids = ['evt_a', 'evt_b', 'evt_had', 'evt_c', 'evt_none']
      matches(await write(storage, replay, ids), counts, 'one is written')
      same(await deliveriesOf(storage, 'evt_b'), [], 'a canceled one gets none')
      same(await deliveriesOf(storage, 'evt_had'), had === undefined ? [] : [had], 'what was there stays as it was')
    },
  },
  {
    name: 'backfill: for a deleted endpoint all are skipped',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: LATER })
      const to = { at: NOW, key: replay.bound.key }
      const first = await write(storage, replay, ['evt_a'], { to })
      matches(first, { state: 'running', requeued: 0, skipped: 1 }, 'as told, slice by slice')
      matches(await write(storage, first ?? replay, []), { state: 'completed', skipped: 1 }, 'to the end')
      same(await deliveriesOf(storage, 'evt_a'), [], 'nothing is written')
    },
  },
]

const among: Behaviour[] = [
  {
    name: 'backfill: for a paused endpoint it is held like any other',
    async check({ storage }) {
      await missThree(storage)
      await pause(storage, 'ep_a', NOW + 20)
      await write(storage, await begin(storage), ['evt_a', 'evt_b'])
      same(await claim(storage, 'ep_a', { now: LATER }), [], 'nothing is claimed')
      matches(await storage.stats({ now: LATER, countMax: 10 }), { pending: 2, held: 2, oldestDueAt: null }, 'held')
      const heldBefore = (moment: number) => storage.cancelHeld({ now: LATER, heldBefore: moment, limit: 1 })
      same(await heldBefore(LATER), [], 'held since it was written')
      same((await heldBefore(LATER + 1)).length, 1, 'and not for longer than others')
      await resume(storage, 'ep_a', LATER)
      same((await claim(storage, 'ep_a', { now: LATER })).length, 1, 'then what is left is delivered')
    },
  },
  {
    name: 'backfill: its deliveries take no turns: they wait for nobody, and nobody for them',
    async check({ storage }) {
      for (const id of ['evt_a', 'evt_b']) await offer(storage, { id, orderingKey: 'k' })
      await addEndpoint(storage, 'ep_a')
      await chain(storage, 'ep_a', ['evt_head', 'evt_behind'])
      await write(storage, await begin(storage), ['evt_a', 'evt_b'])
      const head = await claimOne(storage, 'ep_a')
      same([head.eventId, head.ordered], ['evt_head', true], 'the head of the key stays head')
      const beside = (await claim(storage, 'ep_a', { now: LATER })).map(({ lease }) => lease)
      same(
        beside.map(({ eventId, ordered }) => [eventId, ordered]).sort(),
        [
          ['evt_a', false],
          ['evt_b', false],
        ],
        'they are claimed beside it, and beside each other',
      )
      for (const lease of beside) {
        same((await settleOne(storage, delivered(lease), LATER)).promotedDueAt, null, 'their end gives nobody a turn')
      }
      same((await settleOne(storage, delivered(head), LATER)).promotedDueAt, LATER, 'that of the head does')
      same(await claimedEvents(storage, 'ep_a', { now: LATER }), ['evt_behind'], 'for the one behind it')
    },
  },
  {
    name: 'backfill: an event that fans out gets no second delivery by its slices',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await offer(storage, { id: 'evt_a', fanOut: 'background' })
      await write(storage, await begin(storage), ['evt_a'])
      const [before] = await deliveriesOf(storage, 'evt_a')
      const deliveries = ['ep_a', 'ep_b'].map((endpointId) => ({ endpointId, dueAt: NOW, leaseUntil: null }))
      same(await storage.insertSlice({ now: NOW, eventId: 'evt_a', from: '', to: null, deliveries }), true, 'a slice')
      const after = await deliveriesOf(storage, 'evt_a')
      same(after.map(({ endpointId }) => endpointId).sort(), ['ep_a', 'ep_b'], 'one for each endpoint')
      same(
        after.find(({ endpointId }) => endpointId === 'ep_a'),
        before,
        'the one that was there as it was',
      )
    },
  },
  {
    name: 'backfill: an event without deliveries is kept while it has one, and goes with it',
    async check({ storage }) {
      await missThree(storage)
      await write(storage, await begin(storage), ['evt_a', 'evt_b'])
      const over = { now: LATER + 999, deliveredBefore: LATER + 999, failedBefore: LATER + 999, limit: 10 }
      const kept = async () => {
        while ((await storage.prune(over)) > 0);
        const found = await Promise.all(['evt_a', 'evt_b', 'evt_c'].map((id) => storage.getEvent({ id, tenant: null })))
        return found.flatMap((event) => event?.id ?? [])
      }
      same(await kept(), ['evt_a', 'evt_b'], 'what is to be delivered is kept')
      const leases = (await claim(storage, 'ep_a', { now: LATER })).map(({ lease }) => lease)
      same(leases.length, 2, 'and is delivered')
      for (const lease of leases) await settleOne(storage, delivered(lease), LATER)
      same(await kept(), [], 'then it goes')
    },
  },
  {
    name: 'concurrency: of parallel slices of a backfill from one cursor one is written',
    async check({ storage }) {
      await missThree(storage)
      const replay = await begin(storage)
      const to = { at: NOW, key: replay.bound.key }
      await Promise.all(['evt_a', 'evt_b', 'evt_c'].map((id) => write(storage, replay, [id], { to })))
      same((await storage.getReplay('rpl_a'))?.requeued, 1, 'the cursor moves once')
      same((await claim(storage, 'ep_a', { now: LATER })).length, 1, 'and one delivery is written')
    },
  },
  {
    name: 'durability: a backfill goes on where it was',
    needs: 'durable',
    async check({ storage, reopen }) {
      await missThree(storage)
      await begin(storage)
      const before = await step(storage, 'rpl_a', 1)
      const again = await reopen()
      same(await again.runningReplays({ limit: 10 }), before === null ? [] : [before], 'it is still running')
      matches(await step(again), { state: 'completed', requeued: 3, skipped: 0 }, 'behind its cursor')
    },
  },
  {
    name: 'two instances: a backfill stepped by both writes each event once',
    needs: 'multiProcess',
    async check({ storage, second }) {
      const other = await second()
      const ids = Array.from({ length: 12 }, (_, index) => `evt_${10 + index}`)
      for (const id of ids) await offer(storage, { id })
      await addEndpoint(storage, 'ep_a')
      await begin(storage)
      for (let rounds = 0; rounds < 30; rounds++) {
        const steps = await Promise.all([storage, other, storage, other].map((one) => step(one, 'rpl_a', 1)))
        if (steps.every((replay) => replay?.state !== 'running')) break
      }
      matches(await other.getReplay('rpl_a'), { state: 'completed', requeued: 12, skipped: 0 }, 'counted once each')
      const reached = await claimedEvents(storage, 'ep_a', { now: LATER, limit: 50 })
      same(reached.sort(), ids, 'one delivery each')
    },
  },
]

export const backfilling: Behaviour[] = [...written, ...guarded, ...among]
