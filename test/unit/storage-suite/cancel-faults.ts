import type { CancelEventInput, CanceledEvent, Settlement } from '../../../src/ports/storage.ts'
import { findDelivery } from '../../../src/storage/memory/find-delivery.ts'
import { deliveryRecord } from '../../../src/storage/memory/records.ts'
import type { DeliveryRow, EventRow, Tables } from '../../../src/storage/memory/tables.ts'
import { endTurn } from '../../../src/storage/memory/turns.ts'
import type { Fault } from './faults.ts'
import type { HostedStorage } from './hosted-memory.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

function rowsOf(tables: Tables, eventId: string): DeliveryRow[] {
  return [...(tables.events.get(eventId)?.deliveries.values() ?? [])]
}

const isMarked = (row: DeliveryRow | undefined) => row?.state === 'leased' && row.reason === 'event_canceled'

/** Cancels, and does afterwards what it should not. `before`: the deliveries that were pending. */
function cancelsAnd(
  wrong: (tables: Tables, event: EventRow, input: CancelEventInput, before: DeliveryRow[]) => void,
): Fault['of'] {
  return (inner, tables) => ({
    cancelEvent: async (input) => {
      const event = tables.events.get(input.id)
      const before = rowsOf(tables, input.id).filter(({ state }) => state === 'pending')
      const canceled = await inner.cancelEvent(input)
      if (event !== undefined && canceled !== null) wrong(tables, event, input, before)
      return canceled && { event: toldNow(event, canceled), canceled: told(tables, canceled) }
    },
  })
}

/** The answer agrees with what is kept: it is not by this that the fault is found. */
function told(tables: Tables, { canceled }: CanceledEvent) {
  return canceled.flatMap(({ id }) => {
    const row = findDelivery(tables, id)
    return row === undefined ? [] : deliveryRecord(row)
  })
}

function toldNow(event: EventRow | undefined, answer: CanceledEvent): CanceledEvent['event'] {
  return { ...answer.event, canceledAt: event?.record.canceledAt ?? null }
}

/** Cancels only some of the pending deliveries, the others as if they were none of the event. */
function leavesAlone(isLeft: (row: DeliveryRow) => boolean): Fault['of'] {
  return (inner, tables) => ({
    cancelEvent: async (input) => {
      const deliveries = tables.events.get(input.id)?.deliveries
      const left = [...(deliveries ?? [])].filter(([, row]) => row.state === 'pending' && isLeft(row))
      for (const [id] of left) deliveries?.delete(id)
      const canceled = await inner.cancelEvent(input)
      for (const [id, row] of left) deliveries?.set(id, row)
      return canceled
    },
  })
}

/** Settles with the settlements of marked deliveries changed, or their rows. */
function settlesMarked(change: (settlement: Settlement, row: DeliveryRow) => Settlement): Fault['of'] {
  return (inner, tables) => ({
    settle: ({ now, settlements }) =>
      inner.settle({
        now,
        settlements: settlements.map((one) => {
          const row = findDelivery(tables, one.deliveryId)
          return row !== undefined && isMarked(row) ? change(one, row) : one
        }),
      }),
  })
}

function unmark(row: DeliveryRow): void {
  row.reason = null
}

const eventFaults: Fault[] = [
  {
    fault: 'deliveries are canceled, their event is not marked',
    caughtBy: 'cancel event: it is marked, and its pending deliveries are canceled at that moment',
    of: cancelsAnd((_, event) => {
      event.record = { ...event.record, canceledAt: null }
    }),
  },
  {
    fault: 'canceled deliveries keep their lanes in line',
    caughtBy: 'cancel event: it is marked, and its pending deliveries are canceled at that moment',
    of: cancelsAnd((_tables, _event, _input, before) => {
      for (const row of before) row.endpoint.lane.pending.add(row)
    }),
  },
  {
    fault: 'retries are not canceled',
    caughtBy: 'cancel event: it is marked, and its pending deliveries are canceled at that moment',
    of: leavesAlone(({ attemptCount }) => attemptCount > 0),
  },
  {
    fault: 'deliveries are canceled for another reason',
    caughtBy: 'cancel event: it is marked, and its pending deliveries are canceled at that moment',
    of: cancelsAnd((_tables, _event, _input, before) => {
      for (const row of before) row.reason = 'hold_expired'
    }),
  },
  {
    fault: 'whole lanes are emptied',
    caughtBy: 'cancel event: of its lanes only its own deliveries are taken',
    of: cancelsAnd((tables, _event, _input, before) => {
      for (const { endpoint } of before) {
        for (const row of tables.deliveries.values()) endpoint.lane.pending.delete(row)
      }
    }),
  },
  {
    fault: 'deliveries at rest are canceled, too',
    caughtBy: 'cancel event: deliveries at rest stay as they are',
    of: cancelsAnd((tables, { record }) => {
      for (const row of rowsOf(tables, record.id)) row.state = 'canceled'
    }),
  },
  {
    fault: 'held deliveries are left',
    caughtBy: 'cancel event: held deliveries, too',
    of: leavesAlone(({ endpoint }) => endpoint.lane.heldSince !== null),
  },
  {
    fault: 'the limit is ignored',
    caughtBy: 'cancel event: no more than told, and the next call goes on; fewer means that none is left',
    of: (inner) => ({ cancelEvent: (input) => inner.cancelEvent({ ...input, limit: 100 }) }),
  },
  {
    fault: 'each call moves the moment at which the event was canceled',
    caughtBy: 'cancel event: no more than told, and the next call goes on; fewer means that none is left',
    of: cancelsAnd((_tables, event, { now }) => {
      event.record = { ...event.record, canceledAt: now }
    }),
  },
  {
    fault: 'deliveries end when their event was first canceled',
    caughtBy: 'cancel event: no more than told, and the next call goes on; fewer means that none is left',
    of: cancelsAnd((_tables, event, _input, before) => {
      for (const row of before) if (row.endedAt !== null) row.endedAt = event.record.canceledAt
    }),
  },
  {
    fault: 'a repeat tells once more what was canceled before',
    caughtBy: 'cancel event: repeated after a doubtful commit it changes nothing',
    of: (inner, tables) => ({
      cancelEvent: async (input) => {
        const answer = await inner.cancelEvent(input)
        const rows = rowsOf(tables, input.id).filter(({ state }) => state === 'canceled')
        return answer && { ...answer, canceled: rows.map(deliveryRecord) }
      },
    }),
  },
  {
    fault: 'a repeat cancels what is in flight',
    caughtBy: 'cancel event: repeated after a doubtful commit it changes nothing',
    of: (inner, tables) => ({
      cancelEvent: async (input) => {
        for (const row of rowsOf(tables, input.id)) if (isMarked(row)) row.state = 'canceled'
        return inner.cancelEvent(input)
      },
    }),
  },
  {
    fault: 'the tenant is ignored',
    caughtBy: "cancel event: another tenant's event is not found, nor one that is not there",
    of: (inner) => ({ cancelEvent: (input) => inner.cancelEvent({ ...input, tenant: null }) }),
  },
  {
    fault: 'the idempotency key goes with the event',
    caughtBy: 'cancel event: its idempotency key stays',
    of: cancelsAnd(({ idempotency }) => idempotency.clear()),
  },
  {
    fault: 'the fan-out goes on',
    caughtBy: 'cancel event: one that fans out is written no further',
    of: (inner, tables) => ({
      cancelEvent: async (input) => {
        const event = tables.events.get(input.id)
        const cursor = event?.fanOutCursor ?? null
        const canceled = await inner.cancelEvent(input)
        if (event === undefined || cursor === null) return canceled
        event.fanOutCursor = cursor
        tables.fanOuts.add(event)
        return canceled
      },
    }),
  },
  {
    fault: 'a slice that is on its way is still written',
    caughtBy: 'cancel event: one that fans out is written no further',
    of: (inner, tables) => ({
      insertSlice: (input) => {
        const event = tables.events.get(input.eventId)
        if (event !== undefined && event.record.canceledAt !== null) event.fanOutCursor = input.from
        return inner.insertSlice(input)
      },
    }),
  },
  {
    fault: 'a canceled event without deliveries is kept for ever',
    caughtBy: 'cancel event: one that has no deliveries goes with retention, like any other',
    of: cancelsAnd((_, event) => {
      event.fanOutCursor = ''
    }),
  },
  {
    fault: 'a replay leaves the mark on its deliveries',
    caughtBy: 'cancel event: a later replay of its deliveries goes by its own full schedule',
    of: (inner, tables) => ({
      stepReplay: async (input) => {
        const replay = await inner.stepReplay(input)
        for (const row of tables.deliveries.values()) {
          if (row.event.record.canceledAt !== null && row.round > 1) row.reason = 'event_canceled'
        }
        return replay
      },
    }),
  },
  {
    fault: 'a retry is canceled by the mark of its event',
    caughtBy: 'cancel event: a later replay of its deliveries goes by its own full schedule',
    of: (inner, tables) => ({
      settle: (input) => {
        for (const { deliveryId } of input.settlements) {
          const row = findDelivery(tables, deliveryId)
          if (row !== undefined && row.event.record.canceledAt !== null) row.reason = 'event_canceled'
        }
        return inner.settle(input)
      },
    }),
  },
  {
    fault: 'what is pending is looked up first and canceled later',
    caughtBy: 'concurrency: of parallel cancels of one event each delivery is told by one',
    of: (inner, tables) => ({
      cancelEvent: async (input) => {
        const rows = rowsOf(tables, input.id).filter(({ state }) => state === 'pending')
        await tick()
        const answer = await inner.cancelEvent(input)
        return answer && { ...answer, canceled: rows.slice(0, input.limit).map(deliveryRecord) }
      },
    }),
  },
]

const leasedFaults: Fault[] = [
  {
    fault: 'what is in flight is not marked',
    caughtBy: 'cancel event: what is leased stays leased, and bears the reason',
    of: cancelsAnd((tables, { record }) => {
      for (const row of rowsOf(tables, record.id)) if (isMarked(row)) unmark(row)
    }),
  },
  {
    fault: 'what is in flight is canceled at once',
    caughtBy: 'cancel event: what is leased stays leased, and bears the reason',
    of: cancelsAnd((tables, { record }) => {
      for (const row of rowsOf(tables, record.id)) {
        if (!isMarked(row)) continue
        tables.leased.delete(row)
        row.state = 'canceled'
      }
    }),
  },
  {
    fault: 'a settlement does not look for the mark',
    caughtBy: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    of: settlesMarked((one, row) => {
      unmark(row)
      return one
    }),
  },
  {
    fault: 'a canceled delivery loses its last attempt',
    caughtBy: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    of: (inner, tables) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const [index, { deliveryId }] of input.settlements.entries()) {
          if (result.statuses[index] === 'canceled') findDelivery(tables, deliveryId)?.attempts.pop()
        }
        return result
      },
    }),
  },
  {
    fault: 'a canceled delivery tells nothing of its endpoint',
    caughtBy: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    of: settlesMarked((one) => ({ ...one, observation: null })),
  },
  {
    fault: 'a canceled delivery gives its lane no rest',
    caughtBy: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    of: settlesMarked((one) => ({ ...one, blockLaneUntil: null })),
  },
  {
    fault: 'a canceled delivery is told as applied',
    caughtBy: 'cancel event: a settlement that would repeat the delivery cancels it, with all else written',
    of: (inner) => ({
      settle: async (input) => {
        const { statuses, ...rest } = await inner.settle(input)
        return { ...rest, statuses: statuses.map((status) => (status === 'canceled' ? 'applied' : status)) }
      },
    }),
  },
  {
    fault: 'a lost attempt is repeated all the same',
    caughtBy: 'cancel event: a lost attempt is not repeated either',
    of: settlesMarked((one, row) => {
      if (one.attempt.outcome === 'lost') unmark(row)
      return one
    }),
  },
  {
    fault: 'a canceled delivery keeps its place in line',
    caughtBy: 'cancel event: a lost attempt is not repeated either',
    of: (inner, tables) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const [index, { deliveryId }] of input.settlements.entries()) {
          const row = findDelivery(tables, deliveryId)
          if (row !== undefined && result.statuses[index] === 'canceled') row.endpoint.lane.pending.add(row)
        }
        return result
      },
    }),
  },
  {
    fault: 'a verdict is overruled by the mark',
    caughtBy: 'cancel event: a settlement that ends the delivery stands',
    of: settlesMarked((one) => ({ ...one, next: { state: 'pending', dueAt: 0, step: 0, lost: 0 } })),
  },
  {
    fault: 'the mark outlives the verdict',
    caughtBy: 'cancel event: a settlement that ends the delivery stands',
    of: settlesMarked((one) =>
      one.next.state === 'pending' ? one : { ...one, next: { ...one.next, reason: 'event_canceled' } },
    ),
  },
  {
    fault: 'a repeated settlement is told as canceled once more',
    caughtBy: 'cancel event: its settlement repeated is already applied, another is stale',
    of: (inner) => ({
      settle: async (input) => {
        const { statuses, ...rest } = await inner.settle(input)
        return { ...rest, statuses: statuses.map((status) => (status === 'alreadyApplied' ? 'canceled' : status)) }
      },
    }),
  },
  {
    fault: 'one canceled delivery cancels its batch',
    caughtBy: 'cancel event: of a batch each settlement is judged on its own',
    of: (inner, tables) => ({
      settle: (input) => {
        const rows = input.settlements.flatMap(({ deliveryId }) => findDelivery(tables, deliveryId) ?? [])
        if (rows.some(isMarked)) for (const row of rows) row.reason = 'event_canceled'
        return inner.settle(input)
      },
    }),
  },
  {
    fault: 'only the first call marks what is in flight',
    caughtBy: 'cancel event: what was leased between two calls is marked by the next',
    of: (inner, tables) => ({
      cancelEvent: async (input) => {
        const again = tables.events.get(input.id)?.record.canceledAt != null
        const unmarked = rowsOf(tables, input.id).filter((row) => row.state === 'leased' && !isMarked(row))
        const answer = await inner.cancelEvent(input)
        if (again) for (const row of unmarked) unmark(row)
        return answer
      },
    }),
  },
  {
    fault: 'what is given back is pending, mark or not',
    caughtBy: 'cancel event: a lease given back is canceled, its claim taken back',
    of: (inner, tables) => ({
      releaseLeases: (input) => {
        for (const row of tables.leased) if (isMarked(row)) unmark(row)
        return inner.releaseLeases(input)
      },
    }),
  },
  {
    fault: 'a marked lease is given back by anybody',
    caughtBy: 'cancel event: a lease given back is canceled, its claim taken back',
    of: (inner, tables) => ({
      releaseLeases: (input) => {
        const marked = [...tables.leased].find(isMarked)
        return inner.releaseLeases({ ...input, worker: marked?.lease?.worker ?? input.worker })
      },
    }),
  },
  {
    fault: 'a lease given back as canceled keeps its claim number',
    caughtBy: 'cancel event: a lease given back is canceled, its claim taken back',
    of: (inner, tables) => ({
      releaseLeases: async (input) => {
        const marked = [...tables.leased].filter(isMarked)
        await inner.releaseLeases(input)
        for (const row of marked) if (row.state === 'canceled') row.claim += 1
      },
    }),
  },
  {
    fault: 'one canceled delivery cancels all that is given back with it',
    caughtBy: 'cancel event: of leases given back together only those of canceled events are canceled',
    of: (inner, tables) => ({
      releaseLeases: (input) => {
        const rows = input.leases.flatMap(({ deliveryId }) => findDelivery(tables, deliveryId) ?? [])
        if (rows.some(isMarked)) for (const row of rows) row.reason = 'event_canceled'
        return inner.releaseLeases(input)
      },
    }),
  },
]

/** Whoever has a turn now and had none before waits again. */
function takeTurnsBack(before: DeliveryRow[]): void {
  for (const row of before) {
    const { waiting, pending } = row.endpoint.lane
    if (row.state !== 'pending' || waiting.has(row)) continue
    pending.delete(row)
    waiting.add(row)
  }
}

function waitingRows(tables: Tables): DeliveryRow[] {
  return [...tables.endpoints.values()].flatMap(({ lane }) => [...lane.waiting])
}

/** By this call no delivery gets a turn. */
function promotesNobody<Name extends 'cancelEvent' | 'releaseLeases'>(name: Name): Fault['of'] {
  return (inner, tables) => ({
    [name]: async (input: never) => {
      const waited = waitingRows(tables)
      const answer = await (inner[name] as (input: never) => Promise<unknown>)(input)
      takeTurnsBack(waited)
      return answer
    },
  })
}

/** By this call the next of a key is due now, not at its own time. */
function promotesNow<Name extends 'cancelEvent' | 'releaseLeases'>(name: Name): Fault['of'] {
  return (inner, tables) => ({
    [name]: async (input: { now: number }) => {
      for (const row of waitingRows(tables)) row.dueAt = Math.max(row.dueAt, input.now)
      return (inner[name] as (input: never) => Promise<unknown>)(input as never)
    },
  })
}

const orderFaults: Fault[] = [
  {
    fault: 'a canceled event promotes nobody',
    caughtBy: 'ordering: where an event is canceled whose delivery is head the next is head, due at its own time',
    of: promotesNobody('cancelEvent'),
  },
  {
    fault: 'a canceled event promotes the next as of now',
    caughtBy: 'ordering: where an event is canceled whose delivery is head the next is head, due at its own time',
    of: promotesNow('cancelEvent'),
  },
  {
    fault: 'what waits for its turn is not canceled',
    caughtBy: 'ordering: what waits for its turn is canceled with its event, and the turns pass it by',
    of: leavesAlone((row) => row.endpoint.lane.waiting.has(row)),
  },
  {
    fault: 'one that waited and is canceled gives a turn',
    caughtBy: 'ordering: what waits for its turn is canceled with its event, and the turns pass it by',
    of: cancelsAnd((tables, _event, _input, before) => {
      const [next] = waitingRows(tables)
      if (before.length === 0 || next === undefined) return
      next.endpoint.lane.waiting.delete(next)
      next.endpoint.lane.pending.add(next)
    }),
  },
  {
    fault: 'a head in flight gives up its turn when its event is canceled',
    caughtBy: 'ordering: a leased head that a settlement cancels gives way like one that ended',
    of: cancelsAnd((tables, { record }) => {
      for (const row of rowsOf(tables, record.id)) if (isMarked(row)) endTurn(row, 0)
    }),
  },
  {
    fault: 'a settlement that cancels the head promotes nobody',
    caughtBy: 'ordering: a leased head that a settlement cancels gives way like one that ended',
    of: settlesMarked((one) => (one.next.state === 'pending' ? { ...one, ordered: false } : one)),
  },
  {
    fault: 'a lease given back as canceled promotes nobody',
    caughtBy: 'ordering: a leased head that is given back canceled gives way, the next due at its own time',
    of: promotesNobody('releaseLeases'),
  },
  {
    fault: 'a lease given back as canceled promotes the next as of now',
    caughtBy: 'ordering: a leased head that is given back canceled gives way, the next due at its own time',
    of: promotesNow('releaseLeases'),
  },
  {
    fault: 'a release repeated promotes once more',
    caughtBy: 'ordering: a leased head that is given back canceled gives way, the next due at its own time',
    of: (inner, tables) => ({
      releaseLeases: async (input) => {
        const rows = input.leases.flatMap(({ deliveryId }) => findDelivery(tables, deliveryId) ?? [])
        const [next] = rows.some(({ state }) => state === 'canceled') ? waitingRows(tables) : []
        await inner.releaseLeases(input)
        if (next === undefined) return
        next.endpoint.lane.waiting.delete(next)
        next.endpoint.lane.pending.add(next)
      },
    }),
  },
  {
    fault: 'a marked head that is delivered promotes nobody',
    caughtBy: 'ordering: a leased head of a canceled event that is delivered after all gives way as usual',
    of: settlesMarked((one) => (one.next.state === 'pending' ? one : { ...one, ordered: false })),
  },
  {
    fault: 'in a held lane the next counts as held since the head was canceled',
    caughtBy: 'ordering: a canceled head in a held lane gives way, and the next is held from its own time',
    of: promotesNow('cancelEvent'),
  },
]

/** Of a key whose fan-outs are told wrongly. */
function canceledKeys(tables: Tables): Set<string | null> {
  const canceled = [...tables.events.values()].filter(({ record }) => record.canceledAt !== null)
  return new Set(canceled.map(({ record }) => record.orderingKey))
}

const pendingIn = async (inner: HostedStorage, tables: Tables, isTold: (event: EventRow) => boolean) => {
  const told = await inner.pendingFanOuts({ limit: 100 })
  return [...tables.fanOuts].filter(isTold).flatMap((event) => {
    const known = told.find((one) => one.event.id === event.record.id)
    const { id, tenant, type, deliverAt } = event.record
    const { endpointsVersion, endpointIds, fanOutCursor: cursor } = event
    return (
      known ??
      (cursor === null ? [] : [{ event: { id, tenant, type, deliverAt }, endpointsVersion, endpointIds, cursor }])
    )
  })
}

const fanOutFaults: Fault[] = [
  {
    fault: 'the next fan-out of a key waits for ever',
    caughtBy: 'fan-out order: when an event is canceled that fans out the next of its key begins',
    of: (inner, tables) => ({
      pendingFanOuts: async () =>
        (await inner.pendingFanOuts({ limit: 100 })).filter(({ event }) => {
          const key = tables.events.get(event.id)?.record.orderingKey ?? null
          return !canceledKeys(tables).has(key)
        }),
    }),
  },
  {
    fault: 'each call gives another fan-out of the key its turn',
    caughtBy: 'fan-out order: when an event is canceled that fans out the next of its key begins',
    of: (inner, tables) => {
      let calls = 0
      return {
        cancelEvent: (input) => {
          calls += 1
          return inner.cancelEvent(input)
        },
        pendingFanOuts: async ({ limit }) =>
          calls < 2 ? inner.pendingFanOuts({ limit }) : pendingIn(inner, tables, () => true),
      }
    },
  },
  {
    fault: 'a fan-out that waited gives its turn to the one behind it',
    caughtBy: 'fan-out order: an event that waits for its fan-out is canceled without a turn for anybody',
    of: (inner, tables) => ({
      pendingFanOuts: async ({ limit }) =>
        canceledKeys(tables).size === 0 ? inner.pendingFanOuts({ limit }) : pendingIn(inner, tables, () => true),
    }),
  },
  {
    fault: 'an inline event waits for a canceled one',
    caughtBy: 'fan-out order: with the only fan-out of its key canceled an inline event is taken',
    of: (inner, tables) => ({
      insertEvents: async (input) => {
        const waits = input.events.some(({ event }) => canceledKeys(tables).has(event.orderingKey))
        return waits ? input.events.map(() => ({ status: 'fan_out_waits' })) : inner.insertEvents(input)
      },
    }),
  },
]

export const CANCEL_FAULTS: Fault[] = [...eventFaults, ...leasedFaults, ...orderFaults, ...fanOutFaults]
