import type { EventProgress, Storage } from '../../../src/ports/storage.ts'
import { findDelivery } from '../../../src/storage/memory/find-delivery.ts'
import { collect } from '../../../src/testing/storage-suite/fixtures.ts'
import type { Fault } from './faults.ts'
import type { HostedStorage } from './hosted-memory.ts'

/** Tells an event's progress otherwise. */
function tells(change: (progress: EventProgress, inner: HostedStorage) => unknown): Fault['of'] {
  return (inner) => ({
    eventProgress: async (input) => {
      const progress = await inner.eventProgress(input)
      return progress && { ...progress, ...((await change(progress, inner)) as Partial<EventProgress>) }
    },
  })
}

const progressFaults: Fault[] = [
  {
    fault: 'what waits for its turn is not counted',
    caughtBy: 'event progress: its deliveries are counted by state',
    of: tells(async ({ event, counts }, inner) => {
      const selection = { eventId: event.id, states: ['pending' as const] }
      const pending = await collect((page) => inner.listDeliveries({ selection, ...page }))
      const waiting = pending.filter(({ nextAttemptAt }) => nextAttemptAt === null).length
      return { counts: { ...counts, open: counts.open - waiting } }
    }),
  },
  {
    fault: 'what is in flight is not counted',
    caughtBy: 'event progress: its deliveries are counted by state',
    of: tells(async ({ event, counts }, inner) => {
      const selection = { eventId: event.id, states: ['leased' as const] }
      const leased = await collect((page) => inner.listDeliveries({ selection, ...page }))
      return { counts: { ...counts, open: counts.open - leased.length } }
    }),
  },
  {
    fault: 'what failed counts as canceled',
    caughtBy: 'event progress: its deliveries are counted by state',
    of: tells(({ counts }) => ({ counts: { ...counts, failed: 0, canceled: counts.canceled + counts.failed } })),
  },
  {
    fault: 'the event comes with its bytes',
    caughtBy: 'event progress: tells the event, how it is fanned out, and whether that goes on',
    of: tells(async ({ event }, inner) => ({ event: await inner.getEvent({ id: event.id, tenant: null }) })),
  },
  {
    fault: 'addressed endpoints are forgotten when the fan-out is over',
    caughtBy: 'event progress: tells the event, how it is fanned out, and whether that goes on',
    of: tells(({ endpointIds, fanningOut }) => ({ endpointIds: fanningOut ? endpointIds : null })),
  },
  {
    fault: 'the version is that of now',
    caughtBy: 'event progress: tells the event, how it is fanned out, and whether that goes on',
    of: tells(async ({ event }, inner) => ({
      endpointsVersion: (await inner.endpointChanges({ tenant: event.tenant, since: 0 }))?.version,
    })),
  },
  {
    fault: 'a fan-out is over with its first slice',
    caughtBy: 'event progress: tells the event, how it is fanned out, and whether that goes on',
    of: (inner, tables) => ({
      eventProgress: async (input) => {
        const progress = await inner.eventProgress(input)
        return progress && { ...progress, fanningOut: tables.events.get(input.id)?.fanOutCursor === '' }
      },
    }),
  },
  {
    fault: 'a canceled event still fans out',
    caughtBy: 'event progress: a canceled event says so, and fans out no more',
    of: tells(({ event, fanningOut }) => ({ fanningOut: fanningOut || event.canceledAt !== null })),
  },
  {
    fault: 'progress is told to any tenant',
    caughtBy: "event progress: another tenant's event is not found, nor one that is not there",
    of: (inner) => ({ eventProgress: ({ id }) => inner.eventProgress({ id, tenant: null }) }),
  },
  {
    fault: 'all deliveries of the event are told',
    caughtBy: 'lists: the deliveries of an event for some endpoints',
    of: (inner) => ({
      deliveriesOf: ({ eventId }) => collect((page) => inner.listDeliveries({ selection: { eventId }, ...page })),
    }),
  },
  {
    fault: 'an endpoint that is named twice is told twice',
    caughtBy: 'lists: the deliveries of an event for some endpoints',
    of: (inner) => ({
      deliveriesOf: async ({ eventId, endpointIds }) =>
        (await Promise.all(endpointIds.map((id) => inner.deliveriesOf({ eventId, endpointIds: [id] })))).flat(),
    }),
  },
  {
    fault: 'deliveries of deleted endpoints are not told',
    caughtBy: 'lists: the deliveries of an event for some endpoints',
    of: (inner, tables) => ({
      deliveriesOf: async (input) =>
        (await inner.deliveriesOf(input)).filter(({ id }) => findDelivery(tables, id)?.endpoint.deleted === false),
    }),
  },
]

const replayFaults: Fault[] = [
  {
    fault: 'replays are listed oldest first',
    caughtBy: 'replay: listed newest first, and the same in pages of any size',
    of: (inner) => ({
      listReplays: async ({ limit, after, ...query }) => {
        const all = await collect((page) => inner.listReplays({ ...query, ...page }))
        const offset = after?.key ?? 0
        const next = offset + limit < all.length ? { at: 0, key: offset + limit } : null
        return { items: all.reverse().slice(offset, offset + limit), next }
      },
    }),
  },
  {
    fault: 'a page of replays goes on behind the millisecond, not behind the replay',
    caughtBy: 'replay: listed newest first, and the same in pages of any size',
    of: (inner) => ({
      listReplays: (query) => inner.listReplays({ ...query, after: query.after && { at: query.after.at, key: 0 } }),
    }),
  },
  {
    fault: 'replays of all tenants are listed',
    caughtBy: 'replay: listed by the tenant of its selection, and by state',
    of: (inner) => ({ listReplays: (query) => inner.listReplays({ ...query, tenant: null }) }),
  },
  {
    fault: 'replays of all states are listed',
    caughtBy: 'replay: listed by the tenant of its selection, and by state',
    of: (inner) => ({ listReplays: (query) => inner.listReplays({ ...query, states: null }) }),
  },
  {
    fault: 'replays without a tenant are listed with those of each',
    caughtBy: 'replay: listed by the tenant of its selection, and by state',
    of: (inner) => ({
      listReplays: async (query) => {
        const { items, next } = await inner.listReplays({ ...query, tenant: null })
        return {
          items: items.filter(({ tenant }) => query.tenant === null || (tenant ?? query.tenant) === query.tenant),
          next,
        }
      },
    }),
  },
  {
    fault: 'the kind is not kept',
    caughtBy: 'replay: both kinds are kept as they were asked for, listed, and run oldest first',
    of: (inner) => ({ createReplay: (input) => inner.createReplay({ ...input, kind: 'replay' }) }),
  },
  {
    fault: 'backfills are not run',
    caughtBy: 'replay: both kinds are kept as they were asked for, listed, and run oldest first',
    of: (inner) => ({
      runningReplays: async (input) => (await inner.runningReplays(input)).filter(({ kind }) => kind === 'replay'),
    }),
  },
  {
    fault: 'a replay made again is another',
    caughtBy: 'replay: both kinds are kept as they were asked for, listed, and run oldest first',
    of: (inner, tables) => ({
      createReplay: (input) => {
        tables.replays.delete(input.id)
        return inner.createReplay(input)
      },
    }),
  },
  {
    fault: 'the record does not follow the cursor',
    caughtBy: 'replay: its record tells what was visited last, and the last that it may visit',
    of: (inner) => ({
      stepReplay: async (input) => {
        const before = await inner.getReplay(input.replayId)
        const after = await inner.stepReplay(input)
        return after && { ...after, cursor: before?.cursor ?? after.cursor }
      },
    }),
  },
  {
    fault: 'a pruned replay is still listed',
    caughtBy: 'replay: one that is pruned is no longer listed',
    of: (inner, tables) => ({
      prune: async (input) => {
        const before = [...tables.replays.values()]
        const removed = await inner.prune(input)
        for (const row of before) if (!tables.replays.has(row.record.id)) tables.replaysByCreation.add(row)
        return removed
      },
    }),
  },
]

function updates(change: (input: Parameters<Storage['updateEndpoint']>[0]) => object): Fault['of'] {
  return (inner) => ({ updateEndpoint: (input) => inner.updateEndpoint({ ...input, guard: change(input) }) })
}

const endpointFaults: Fault[] = [
  {
    fault: 'secrets are not guarded',
    caughtBy: 'endpoints: an update is not written over secrets that it does not know of',
    of: updates(({ guard: { secrets: _, ...guard } = {} }) => guard),
  },
  {
    fault: 'of secrets only the values are compared',
    caughtBy: 'endpoints: an update is not written over secrets that it does not know of',
    of: (inner) => ({
      updateEndpoint: async (input) => {
        const kept = (await inner.getEndpoint(input))?.secrets
        const { secrets, ...guard } = input.guard ?? {}
        const values = (of: typeof kept) => JSON.stringify(of?.map(({ value }) => value))
        const isSame = secrets !== undefined && values(secrets) === values(kept)
        return inner.updateEndpoint({ ...input, guard: isSame ? guard : { ...guard, ...(secrets && { secrets }) } })
      },
    }),
  },
  {
    fault: 'a refused update is a change of the endpoint set',
    caughtBy: 'endpoints: an update is not written over secrets that it does not know of',
    of: (inner) => ({
      updateEndpoint: async (input) => {
        const answer = await inner.updateEndpoint(input)
        if (answer === 'conflict')
          await inner.updateEndpoint({ id: input.id, tenant: null, settings: {}, now: input.now })
        return answer
      },
    }),
  },
  {
    fault: 'one of the guarded settings is enough',
    caughtBy: 'endpoints: an update may be guarded by several settings, and by those that it leaves alone',
    of: (inner) => ({
      updateEndpoint: async (input) => {
        for (const [name, value] of Object.entries(input.guard ?? { none: undefined })) {
          const answer = await inner.updateEndpoint({ ...input, guard: name === 'none' ? {} : { [name]: value } })
          if (answer !== 'conflict') return answer
        }
        return Object.keys(input.guard ?? {}).length === 0 ? inner.updateEndpoint({ ...input, guard: {} }) : 'conflict'
      },
    }),
  },
  {
    fault: 'only what is written is guarded',
    caughtBy: 'endpoints: an update may be guarded by several settings, and by those that it leaves alone',
    of: updates(({ guard = {}, settings }) =>
      Object.fromEntries(Object.entries(guard).filter(([name]) => Object.hasOwn(settings, name))),
    ),
  },
  {
    fault: 'changedSince is ignored',
    caughtBy: 'endpoints: listed by when their settings or state changed last',
    of: (inner) => ({ listEndpoints: (query) => inner.listEndpoints({ ...query, changedSince: null }) }),
  },
  {
    fault: 'changedSince is exclusive',
    caughtBy: 'endpoints: listed by when their settings or state changed last',
    of: (inner) => ({
      listEndpoints: (query) =>
        inner.listEndpoints({ ...query, changedSince: query.changedSince === null ? null : query.changedSince + 1 }),
    }),
  },
  {
    fault: 'a change of state is no change',
    caughtBy: 'endpoints: listed by when their settings or state changed last',
    of: (inner, tables) => ({
      changeEndpointState: async (input) => {
        const row = tables.endpoints.get(input.id)
        const updatedAt = row?.record.updatedAt
        const changed = await inner.changeEndpointState(input)
        if (row !== undefined && updatedAt !== undefined) row.record = { ...row.record, updatedAt }
        return changed
      },
    }),
  },
  {
    fault: 'health counts as a change',
    caughtBy: 'endpoints: listed by when their settings or state changed last',
    of: (inner, tables) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const { endpointId } of input.settlements) {
          const row = tables.endpoints.get(endpointId)
          if (row !== undefined) row.record = { ...row.record, updatedAt: input.now }
        }
        return result
      },
    }),
  },
]

export const QUERY_FAULTS: Fault[] = [...progressFaults, ...replayFaults, ...endpointFaults]
