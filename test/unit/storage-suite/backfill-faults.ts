import type { BackfillInput, MissedEvents, MissedEventsQuery } from '../../../src/ports/storage.ts'
import { insertDelivery } from '../../../src/storage/memory/insert-delivery.ts'
import type { DeliveryRow, EventRow, Tables } from '../../../src/storage/memory/tables.ts'
import type { Fault } from './faults.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Calls with these events changed, and changes them back. */
async function withEvents<T>(
  { events }: Tables,
  isMeant: (row: EventRow) => boolean,
  change: Partial<EventRow['record']>,
  call: () => Promise<T>,
): Promise<T> {
  const meant = [...events.values()].filter(isMeant).map((row) => ({ row, record: row.record }))
  for (const { row } of meant) row.record = { ...row.record, ...change }
  const answer = await call()
  for (const { row, record } of meant) row.record = record
  return answer
}

/** Calls with deleted endpoints as if they were not, and deletes them again. */
async function withDeleted<T>({ endpoints }: Tables, call: () => Promise<T>): Promise<T> {
  const deleted = [...endpoints.values()].filter((row) => row.deleted)
  for (const row of deleted) row.deleted = false
  const answer = await call()
  for (const row of deleted) row.deleted = true
  return answer
}

/** Looks by a query that was changed. */
function looksBy(change: (query: MissedEventsQuery) => Partial<MissedEventsQuery>): Fault['of'] {
  return (inner) => ({ missedEvents: (query) => inner.missedEvents({ ...query, ...change(query) }) })
}

function selects(...ignored: (keyof MissedEventsQuery['selection'])[]): Fault['of'] {
  return looksBy(({ selection }) => ({
    selection: Object.fromEntries(Object.entries(selection).filter(([key]) => !ignored.includes(key as never))),
  }))
}

/** Looks, and answers something else. */
function answers(change: (found: MissedEvents, query: MissedEventsQuery, tables: Tables) => MissedEvents): Fault['of'] {
  return (inner, tables) => ({
    missedEvents: async (query) => change(await inner.missedEvents(query), query, tables),
  })
}

const looks: Fault[] = [
  {
    fault: 'only what rests counts as delivered',
    caughtBy: 'missed events: those for which the endpoint has no delivery, in order of creation',
    of: (inner, tables) => ({
      missedEvents: async (query) => {
        const open = [...tables.deliveries.values()].filter(({ endedAt }) => endedAt === null)
        for (const { event, endpoint } of open) event.deliveries.delete(endpoint.record.id)
        const found = await inner.missedEvents(query)
        for (const row of open) row.event.deliveries.set(row.endpoint.record.id, row)
        return found
      },
    }),
  },
  {
    fault: 'events come in the order of their ids',
    caughtBy: 'missed events: those for which the endpoint has no delivery, in order of creation',
    of: answers(({ events, next }) => ({ events: events.sort((a, b) => (a.id < b.id ? -1 : 1)), next })),
  },
  {
    fault: 'addressed endpoints are kept for the fan-out only',
    caughtBy: 'missed events: those for which the endpoint has no delivery, in order of creation',
    of: answers(({ events, next }) => ({ events: events.map((one) => ({ ...one, endpointIds: null })), next })),
  },
  ...(['eventId', 'type', 'since', 'until', 'tenant'] as const).map(
    (key): Fault => ({
      fault: `${key} of the selection is ignored`,
      caughtBy: 'missed events: only what is selected',
      of: selects(key),
    }),
  ),
  {
    fault: 'until is inclusive',
    caughtBy: 'missed events: only what is selected',
    of: looksBy(({ selection }) => ({
      selection: { ...selection, ...(selection.until !== undefined && { until: selection.until + 1 }) },
    })),
  },
  {
    fault: "the endpoint's tenant is not asked for",
    caughtBy: "missed events: never those of another tenant than the endpoint's",
    of: (inner, tables) => ({
      missedEvents: (query) => {
        const tenant = tables.endpoints.get(query.selection.endpointId ?? '')?.record.tenant ?? ''
        return withEvents(
          tables,
          () => true,
          { tenant },
          () => inner.missedEvents(query),
        )
      },
    }),
  },
  {
    fault: 'canceled events are found',
    caughtBy: 'missed events: never canceled ones',
    of: (inner, tables) => ({
      missedEvents: (query) =>
        withEvents(
          tables,
          () => true,
          { canceledAt: null },
          () => inner.missedEvents(query),
        ),
    }),
  },
  {
    fault: 'a deleted endpoint misses events',
    caughtBy: 'missed events: none where there is no such endpoint',
    of: (inner, tables) => ({ missedEvents: (query) => withDeleted(tables, () => inner.missedEvents(query)) }),
  },
  {
    fault: 'a look goes as far as it must to find something',
    caughtBy: 'missed events: the same in looks of any size, each bounded',
    of: looksBy(() => ({ examine: 1_000_000 })),
  },
  {
    fault: 'a look goes on behind the millisecond, not behind the event',
    caughtBy: 'missed events: the same in looks of any size, each bounded',
    of: looksBy(({ after }) => ({ after: after && { at: after.at, key: Number.MAX_SAFE_INTEGER } })),
  },
  {
    fault: 'a full look is taken for the last',
    caughtBy: 'missed events: the same in looks of any size, each bounded',
    of: answers(({ events, next }) => ({ events, next: events.length > 0 ? null : next })),
  },
  {
    fault: 'the bound is ignored',
    caughtBy: 'missed events: up to the bound of a backfill, from its cursor',
    of: looksBy(() => ({ bound: null })),
  },
  {
    fault: 'the bound is a moment',
    caughtBy: 'missed events: up to the bound of a backfill, from its cursor',
    of: looksBy(({ bound }) => ({ bound: bound && { at: bound.at, key: Number.MAX_SAFE_INTEGER } })),
  },
  {
    fault: 'a backfill is bound by deliveries, like a replay',
    caughtBy: 'missed events: up to the bound of a backfill, from its cursor',
    of: (inner) => ({
      createReplay: async (input) => {
        const { bound } = await inner.createReplay({ ...input, id: `${input.id}_`, kind: 'replay' })
        return { ...(await inner.createReplay(input)), bound }
      },
    }),
  },
  {
    fault: 'a look writes what it finds',
    caughtBy: 'missed events: looking writes nothing',
    of: answers((found, { selection }, tables) => {
      const endpoint = tables.endpoints.get(selection.endpointId ?? '')
      for (const { id } of found.events) {
        const event = tables.events.get(id)
        if (event && endpoint) insertDelivery(tables, event, { endpoint, dueAt: 0, leaseUntil: null }, 0, '')
      }
      return found
    }),
  },
]

/** Writes, and changes what was written. */
function writesAnd(wrong: (row: DeliveryRow, input: BackfillInput) => void): Fault['of'] {
  return (inner, tables) => ({
    insertBackfill: async (input) => {
      const before = new Set(tables.deliveries.values())
      const replay = await inner.insertBackfill(input)
      for (const row of tables.deliveries.values()) if (!before.has(row)) wrong(row, input)
      return replay
    },
  })
}

/** Writes by an input that was changed. */
function writesBy(change: (input: BackfillInput, tables: Tables) => Partial<BackfillInput>): Fault['of'] {
  return (inner, tables) => ({
    insertBackfill: (input) => inner.insertBackfill({ ...input, ...change(input, tables) }),
  })
}

const cursorOf = ({ replays }: Tables, { replayId, from }: BackfillInput) =>
  replays.get(replayId)?.record.cursor ?? from

/** Changes a row that stands in its lane's line. */
function moved(row: DeliveryRow, dueAt: number): void {
  const { pending } = row.endpoint.lane
  pending.delete(row)
  row.dueAt = dueAt
  pending.add(row)
}

const writes: Fault[] = [
  {
    fault: 'what is backfilled is due since its event was',
    caughtBy: 'backfill: an endpoint gets what it never had: pending, due now, in its first round',
    of: writesAnd((row) => moved(row, row.event.record.deliverAt)),
  },
  {
    fault: 'what is backfilled is due now, whatever its event says',
    caughtBy: 'backfill: an event is not due before its deliverAt',
    of: writesAnd((row, { now }) => moved(row, now)),
  },
  {
    fault: 'what is backfilled begins in its second round',
    caughtBy: 'backfill: an endpoint gets what it never had: pending, due now, in its first round',
    of: writesAnd((row) => {
      row.round = 2
    }),
  },
  {
    fault: 'what is written is not counted',
    caughtBy: 'backfill: an endpoint gets what it never had: pending, due now, in its first round',
    of: (inner, tables) => ({
      insertBackfill: async (input) => {
        await inner.insertBackfill(input)
        const replay = tables.replays.get(input.replayId)
        if (replay === undefined) return null
        replay.record = { ...replay.record, requeued: 0 }
        return replay.record
      },
    }),
  },
  {
    fault: 'the first slice is the last',
    caughtBy: 'backfill: slice by slice, until there is nothing more',
    of: writesBy(() => ({ to: null })),
  },
  {
    fault: 'a slice without events is no slice',
    caughtBy: 'backfill: a slice without events moves the cursor',
    of: writesBy(({ eventIds, from, to }) => ({ to: eventIds.length === 0 ? from : to })),
  },
  {
    fault: 'what is written does not bear the backfill',
    caughtBy: 'backfill: progress tells what became of what it wrote',
    of: writesAnd((row) => {
      row.replayId = null
    }),
  },
  {
    fault: 'the cursor is not compared',
    caughtBy: 'backfill: with another cursor stored nothing is written, so that a repeat changes nothing',
    of: writesBy((input, tables) => ({ from: cursorOf(tables, input) })),
  },
  {
    fault: 'of the cursor only the moment is compared',
    caughtBy: 'backfill: with another cursor stored nothing is written, so that a repeat changes nothing',
    of: writesBy((input, tables) => {
      const cursor = cursorOf(tables, input)
      return { from: cursor.at === input.from.at ? cursor : input.from }
    }),
  },
  {
    fault: 'a canceled backfill writes on',
    caughtBy: 'backfill: one that was canceled writes nothing more, one that is not there is null',
    of: (inner, tables) => ({
      insertBackfill: (input) => {
        const replay = tables.replays.get(input.replayId)
        if (replay !== undefined) replay.record = { ...replay.record, state: 'running' }
        return inner.insertBackfill(input)
      },
    }),
  },
  {
    fault: 'a canceled event is written all the same',
    caughtBy: 'backfill: events that are gone, were canceled or have their delivery by now are skipped',
    of: (inner, tables) => ({
      insertBackfill: (input) =>
        withEvents(
          tables,
          ({ record }) => record.canceledAt !== null,
          { canceledAt: null },
          () => inner.insertBackfill(input),
        ),
    }),
  },
  {
    fault: 'what is skipped is not counted',
    caughtBy: 'backfill: events that are gone, were canceled or have their delivery by now are skipped',
    of: writesBy(({ eventIds }, { events }) => ({ eventIds: eventIds.filter((id) => events.has(id)) })),
  },
  {
    fault: 'a delivery that is there is written anew',
    caughtBy: 'backfill: events that are gone, were canceled or have their delivery by now are skipped',
    of: (inner, tables) => ({
      insertBackfill: (input) => {
        for (const id of input.eventIds) {
          const row = tables.events.get(id)?.deliveries.get('ep_a')
          if (row === undefined) continue
          row.event.deliveries.clear()
          tables.deliveries.delete(row.key)
          tables.deliveriesByCreation.delete(row)
        }
        return inner.insertBackfill(input)
      },
    }),
  },
  {
    fault: 'a deleted endpoint gets deliveries',
    caughtBy: 'backfill: for a deleted endpoint all are skipped',
    of: (inner, tables) => ({ insertBackfill: (input) => withDeleted(tables, () => inner.insertBackfill(input)) }),
  },
  {
    fault: 'a backfill opens the lane',
    caughtBy: 'backfill: for a paused endpoint it is held like any other',
    of: writesAnd(({ endpoint }) => {
      endpoint.lane.heldSince = null
    }),
  },
  {
    fault: 'what is backfilled is held since its endpoint is',
    caughtBy: 'backfill: for a paused endpoint it is held like any other',
    of: writesAnd((row) => moved(row, row.endpoint.lane.heldSince ?? row.dueAt)),
  },
  {
    fault: 'what is backfilled waits for its turn',
    caughtBy: 'backfill: its deliveries take no turns: they wait for nobody, and nobody for them',
    of: writesAnd((row) => {
      if (row.event.record.orderingKey === null) return
      row.endpoint.lane.pending.delete(row)
      row.endpoint.lane.waiting.add(row)
    }),
  },
  {
    fault: 'the end of what is backfilled gives a turn',
    caughtBy: 'backfill: its deliveries take no turns: they wait for nobody, and nobody for them',
    of: writesAnd((row) => {
      row.ordered = row.event.record.orderingKey !== null
      const { queues } = row.endpoint.lane
      const queue = queues.get(row.event.record.orderingKey ?? '')
      if (queue !== undefined) queues.set(row.event.record.orderingKey ?? '', new Set([row, ...queue]))
    }),
  },
  {
    fault: 'a slice overwrites what was backfilled',
    caughtBy: 'backfill: an event that fans out gets no second delivery by its slices',
    of: (inner, tables) => ({
      insertSlice: (input) => {
        for (const { endpointId } of input.deliveries) {
          const row = tables.events.get(input.eventId)?.deliveries.get(endpointId)
          if (row !== undefined) moved(row, 0)
        }
        return inner.insertSlice(input)
      },
    }),
  },
  {
    fault: 'an event that had no deliveries is pruned under the one that it got',
    caughtBy: 'backfill: an event without deliveries is kept while it has one, and goes with it',
    of: (inner, tables) => ({
      prune: (input) => {
        for (const { event, replayId } of tables.deliveries.values()) if (replayId !== null) event.deliveries.clear()
        return inner.prune(input)
      },
    }),
  },
  {
    fault: 'an event that had no deliveries stays when the one that it got is gone',
    caughtBy: 'backfill: an event without deliveries is kept while it has one, and goes with it',
    of: writesAnd(({ event }) => {
      event.fanOutCursor = ''
    }),
  },
  {
    fault: 'the cursor is compared first and moved later',
    caughtBy: 'concurrency: of parallel slices of a backfill from one cursor one is written',
    of: (inner, tables) => ({
      insertBackfill: async (input) => {
        const { from } = input
        const cursor = cursorOf(tables, input)
        await tick()
        const moved = cursor.at === from.at && cursor.key === from.key ? cursorOf(tables, input) : from
        return inner.insertBackfill({ ...input, from: moved })
      },
    }),
  },
]

export const BACKFILL_FAULTS: Fault[] = [...looks, ...writes]
