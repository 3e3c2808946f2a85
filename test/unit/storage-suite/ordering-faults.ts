import type { InsertEventsInput, NewEvent, Settlement } from '../../../src/ports/storage.ts'
import type { DeliveryRow, Lane, Tables } from '../../../src/storage/memory/tables.ts'
import type { Fault } from './faults.ts'
import type { HostedStorage } from './hosted-memory.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

function lanes(tables: Tables): Lane[] {
  return [...tables.endpoints.values()].map(({ lane }) => lane)
}

function waitingRows(tables: Tables): DeliveryRow[] {
  return lanes(tables).flatMap(({ waiting }) => [...waiting])
}

function giveTurn(row: DeliveryRow): void {
  row.endpoint.lane.waiting.delete(row)
  row.endpoint.lane.pending.add(row)
}

function takeTurnBack(row: DeliveryRow): void {
  row.endpoint.lane.pending.delete(row)
  row.endpoint.lane.waiting.add(row)
}

/** The first that waits at each of these endpoints has its turn. */
function giveTurnsAt(tables: Tables, endpointIds: string[]): void {
  for (const id of endpointIds) {
    const [next] = tables.endpoints.get(id)?.lane.waiting ?? []
    if (next !== undefined) giveTurn(next)
  }
}

/** What is called, with a turn given afterwards where it should not be. */
function settlesAndGives(when: (settlement: Settlement, status: string) => boolean) {
  return (inner: HostedStorage, tables: Tables): Partial<HostedStorage> => ({
    settle: async (input) => {
      const result = await inner.settle(input)
      const wrong = input.settlements.filter((one, index) => when(one, result.statuses[index] ?? ''))
      giveTurnsAt(
        tables,
        wrong.map(({ endpointId }) => endpointId),
      )
      return result
    },
  })
}

function insertsEach(change: (item: NewEvent, tables: Tables) => NewEvent) {
  return (inner: HostedStorage, tables: Tables): Partial<HostedStorage> => ({
    insertEvents: (input) => inner.insertEvents({ ...input, events: input.events.map((item) => change(item, tables)) }),
  })
}

const turnFaults: Fault[] = [
  {
    fault: 'one that waits for its turn is claimed',
    caughtBy: 'ordering: of one key only the head is claimed',
    of: (inner, tables) => ({
      claimDue: (input) => {
        for (const row of waitingRows(tables)) giveTurn(row)
        return inner.claimDue(input)
      },
    }),
  },
  {
    fault: 'nobody is promoted',
    caughtBy: 'ordering: the next has its turn when the one before was delivered, failed or was canceled',
    of: (inner) => ({
      settle: ({ now, settlements }) =>
        inner.settle({ now, settlements: settlements.map((one) => ({ ...one, ordered: false })) }),
    }),
  },
  {
    fault: 'a repeated settlement promotes once more',
    caughtBy: 'ordering: a settlement repeated after a doubtful commit gives nobody a turn',
    of: settlesAndGives((_, status) => status === 'alreadyApplied'),
  },
  {
    fault: 'a stale settlement promotes',
    caughtBy: 'ordering: a stale settlement gives nobody a turn',
    of: settlesAndGives((_, status) => status === 'stale'),
  },
  {
    fault: 'a retry gives up its turn',
    caughtBy: 'ordering: while the head is retried its key waits, other keys and those without one go on',
    of: settlesAndGives(({ next, attempt }) => next.state === 'pending' && attempt.outcome !== 'lost'),
  },
  {
    fault: 'a lost attempt gives up its turn',
    caughtBy: 'ordering: a lease that expired keeps its turn',
    of: settlesAndGives(({ attempt }) => attempt.outcome === 'lost'),
  },
  {
    fault: 'a lease given back gives up its turn',
    caughtBy: 'ordering: a lease given back keeps its turn',
    of: (inner, tables) => ({
      releaseLeases: async (input) => {
        await inner.releaseLeases(input)
        giveTurnsAt(
          tables,
          input.leases.map(({ endpointId }) => endpointId),
        )
      },
    }),
  },
  {
    fault: 'a key that was used before has no turns any more',
    caughtBy: 'ordering: a key whose deliveries are all at rest begins anew',
    of: (inner, tables) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const { queues } of lanes(tables)) {
          if (queues.size === 0) for (const row of tables.deliveries.values()) queues.set('k', new Set([row]))
        }
        return result
      },
    }),
  },
  {
    fault: 'keys are compared without case',
    caughtBy: 'ordering: endpoints are apart, and keys are told apart to the last character',
    of: insertsEach((item) => ({
      ...item,
      event: { ...item.event, orderingKey: item.event.orderingKey?.toLowerCase() ?? null },
    })),
  },
  {
    fault: 'who is due first has the turn',
    caughtBy: 'ordering: who comes first is not decided by due times: a head not yet due keeps the others waiting',
    of: (inner, tables) => ({
      dueLanes: (input) => {
        for (const row of waitingRows(tables)) if (row.dueAt <= input.now) giveTurn(row)
        return inner.dueLanes(input)
      },
    }),
  },
  {
    fault: 'the next is due at once, whatever its own time',
    caughtBy: 'ordering: the next is due at its own time, but not before the settlement',
    of: (inner, tables) => ({
      settle: async (input) => {
        for (const row of waitingRows(tables)) row.dueAt = Math.min(row.dueAt, input.now)
        return inner.settle(input)
      },
    }),
  },
  {
    fault: 'the next is due since it was sent',
    caughtBy: 'ordering: the lane of the next one stands in line since it has its turn',
    of: (inner) => ({ settle: (input) => inner.settle({ ...input, now: 0 }) }),
  },
  {
    fault: 'the last promotion of a batch is told, not the earliest',
    caughtBy: 'ordering: a batch of settlements tells the earliest of those whose turn came by it',
    of: (inner) => ({
      settle: async ({ now, settlements }) => {
        const first = await inner.settle({ now, settlements: settlements.slice(0, 1) })
        const rest = await inner.settle({ now, settlements: settlements.slice(1) })
        const promotedDueAt = first.promotedDueAt ?? rest.promotedDueAt
        return { ...rest, statuses: [...first.statuses, ...rest.statuses], promotedDueAt }
      },
    }),
  },
]

/** Whether a delivery of the key is not at rest, as it is at the moment of looking. */
function isTaken(tables: Tables, { events }: InsertEventsInput): boolean {
  const [item] = events
  const key = item?.event.orderingKey ?? ''
  return item?.deliveries.some(({ endpointId }) => tables.endpoints.get(endpointId)?.lane.queues.has(key)) ?? false
}

const acceptFaults: Fault[] = [
  {
    fault: 'the second is left to a claim',
    caughtBy: 'ordering: behind a head that was leased with its insert the second waits',
    of: (inner, tables) => ({
      insertEvents: async (input) => {
        const results = await inner.insertEvents(input)
        for (const row of waitingRows(tables)) giveTurn(row)
        return results
      },
    }),
  },
  {
    fault: 'those that wait are counted as left to a claim',
    caughtBy: 'ordering: within one batch the second waits as well',
    of: (inner) => ({
      insertEvents: async (input) =>
        (await inner.insertEvents(input)).map((result, index) => {
          const deliveries = input.events[index]?.deliveries.length ?? 0
          return result.status === 'inserted' ? { ...result, pending: deliveries - result.leases.length } : result
        }),
    }),
  },
  {
    fault: 'one that waits counts as a backlog',
    caughtBy: 'ordering: one that waits for its turn is no backlog',
    of: insertsEach((item, tables) => {
      const busy = waitingRows(tables).length > 0
      return { ...item, deliveries: item.deliveries.map((one) => (busy ? { ...one, leaseUntil: null } : one)) }
    }),
  },
  {
    fault: 'turns go by the events as they were inserted',
    caughtBy: 'ordering: turns go by the deliveries as they were written, not by their events',
    of: (inner, tables) => {
      let kept: Parameters<HostedStorage['insertSlice']>[0][] = []
      const isFirst = (eventId: string) => {
        const event = tables.events.get(eventId)
        const key = event?.record.orderingKey ?? null
        const [first] = [...tables.fanOuts].filter(({ record }) => record.orderingKey === key)
        return key === null || first === event
      }
      return {
        insertSlice: async (input) => {
          kept.push(input)
          let written = true
          for (let next = kept.find(({ eventId }) => isFirst(eventId)); next !== undefined; ) {
            const slice = next
            kept = kept.filter((one) => one !== slice)
            written = await inner.insertSlice(slice)
            next = kept.find(({ eventId }) => isFirst(eventId))
          }
          return written
        },
      }
    },
  },
  {
    fault: 'what a slice writes waits for nobody',
    caughtBy: 'ordering: what a slice writes waits behind what an insert wrote, and the other way round',
    of: (inner, tables) => ({
      insertSlice: async (input) => {
        const written = await inner.insertSlice(input)
        for (const row of waitingRows(tables)) giveTurn(row)
        return written
      },
    }),
  },
  {
    fault: 'an event whose commit came late is claimed beside the head',
    caughtBy: 'transactions: an event whose commit comes late has its turn late',
    of: (inner, tables) => ({
      insertSlice: async (input) => {
        const written = await inner.insertSlice(input)
        giveTurnsAt(tables, [...tables.endpoints.keys()])
        return written
      },
    }),
  },
  {
    fault: 'whether a key is taken is looked up first and used later',
    caughtBy: 'ordering: parallel inserts of a key make one head, and none is forgotten',
    of: (inner, tables) => ({
      insertEvents: async (input) => {
        const taken = isTaken(tables, input)
        await tick()
        const results = await inner.insertEvents(input)
        if (!taken) for (const row of waitingRows(tables)) giveTurn(row)
        return results
      },
    }),
  },
  {
    fault: 'who is next is looked up first and promoted later',
    caughtBy: 'ordering: an insert beside the settlement of the head is not forgotten',
    of: (inner, tables) => ({
      settle: async (input) => {
        const known = new Set(waitingRows(tables))
        await tick()
        const newcomers = waitingRows(tables).filter((row) => !known.has(row))
        const result = await inner.settle(input)
        for (const row of newcomers) if (!row.endpoint.lane.waiting.has(row)) takeTurnBack(row)
        return result
      },
    }),
  },
]

const upkeepFaults: Fault[] = [
  {
    fault: 'a pause forgets the turns',
    caughtBy: 'ordering: a paused endpoint keeps the turns, and goes on in order',
    of: (inner, tables) => ({
      changeEndpointState: (input) => {
        for (const row of waitingRows(tables)) giveTurn(row)
        return inner.changeEndpointState(input)
      },
    }),
  },
  {
    fault: 'the next does not wait for the rest of its lane',
    caughtBy: 'ordering: a lane that rests keeps the turns',
    of: (inner) => ({
      settle: ({ now, settlements }) => {
        const hasty = settlements.map((one) => (one.ordered ? { ...one, blockLaneUntil: null } : one))
        return inner.settle({ now, settlements: hasty })
      },
    }),
  },
  {
    fault: 'cancel held forgets those that wait',
    caughtBy: 'ordering: cancel held takes those that wait for their turn, too, and none is left by a short answer',
    of: (inner, tables) => ({
      cancelHeld: async (input) => {
        const own = new Map(waitingRows(tables).map((row) => [row, row.dueAt]))
        for (const row of own.keys()) row.dueAt = Number.MAX_SAFE_INTEGER
        const canceled = await inner.cancelHeld(input)
        for (const [row, dueAt] of own) {
          const { pending } = row.endpoint.lane
          const isHead = row.state === 'pending' && !row.endpoint.lane.waiting.has(row)
          if (isHead) pending.delete(row)
          row.dueAt = dueAt
          if (isHead) pending.add(row)
        }
        return canceled
      },
    }),
  },
  {
    fault: 'cancel held promotes nobody',
    caughtBy: 'ordering: where cancel held takes the head the next that stays is head, due at its own time',
    of: (inner, tables) => ({
      cancelHeld: async (input) => {
        const waited = waitingRows(tables)
        const canceled = await inner.cancelHeld(input)
        for (const row of waited) {
          if (row.state === 'pending' && !row.endpoint.lane.waiting.has(row)) takeTurnBack(row)
        }
        return canceled
      },
    }),
  },
  {
    fault: 'cancel held gives a turn while the head is in flight',
    caughtBy: 'ordering: cancel held takes those behind a head in flight, and the head stays',
    of: (inner, tables) => ({
      cancelHeld: async (input) => {
        const canceled = await inner.cancelHeld(input)
        giveTurnsAt(tables, [...tables.endpoints.keys()])
        return canceled
      },
    }),
  },
  {
    fault: 'those that wait at a deleted endpoint stay for ever',
    caughtBy: 'ordering: cancel held empties the chain of a deleted endpoint',
    of: (inner, tables) => ({
      cancelHeld: async (input) => {
        const waited = waitingRows(tables).filter(({ endpoint }) => endpoint.deleted)
        for (const row of waited) row.endpoint.lane.waiting.delete(row)
        const canceled = await inner.cancelHeld(input)
        for (const row of waited) row.endpoint.lane.waiting.add(row)
        return canceled
      },
    }),
  },
  {
    fault: 'a replay keeps its turn',
    caughtBy: 'ordering: a replay goes beside the turns: it waits for nobody, and nobody for it',
    of: (inner, tables) => ({
      stepReplay: async (input) => {
        const replay = await inner.stepReplay(input)
        for (const row of tables.deliveries.values()) if (row.replayId === input.replayId) takeTurnBack(row)
        return replay
      },
    }),
  },
  {
    fault: 'a newcomer waits for what a replay requeued',
    caughtBy: 'ordering: a newcomer does not wait for what a replay requeued',
    of: (inner, tables) => ({
      stepReplay: async (input) => {
        const replay = await inner.stepReplay(input)
        for (const row of tables.deliveries.values()) {
          const key = row.event.record.orderingKey
          if (row.replayId === input.replayId && key !== null) row.endpoint.lane.queues.set(key, new Set([row]))
        }
        return replay
      },
    }),
  },
  {
    fault: 'a replay takes what waits for its turn',
    caughtBy: 'ordering: a replay skips what waits for its turn',
    of: (inner, tables) => ({
      stepReplay: (input) => {
        for (const row of waitingRows(tables)) giveTurn(row)
        return inner.stepReplay(input)
      },
    }),
  },
  {
    fault: 'lists tell a time for those that wait',
    caughtBy: 'ordering: lists show those that wait as pending, with no next attempt',
    of: (inner) => ({
      listDeliveries: async (query) => {
        const page = await inner.listDeliveries(query)
        const due = page.items.map((one) => ({ ...one, nextAttemptAt: one.nextAttemptAt ?? one.createdAt }))
        return { ...page, items: due }
      },
    }),
  },
  {
    fault: 'stats leave out those that wait',
    caughtBy: 'ordering: stats count those that wait as pending, and as held where they are held, but never as due',
    of: (inner, tables) => ({
      stats: async (input) => {
        const counts = await inner.stats(input)
        return { ...counts, pending: counts.pending - waitingRows(tables).length }
      },
    }),
  },
  {
    fault: 'prune takes those that wait',
    caughtBy: 'ordering: prune leaves those that wait, and takes the heads before them',
    of: (inner, tables) => ({
      prune: (input) => {
        for (const row of waitingRows(tables)) {
          row.endpoint.lane.waiting.delete(row)
          tables.deliveries.delete(row.key)
          tables.deliveriesByCreation.delete(row)
        }
        return inner.prune(input)
      },
    }),
  },
]

/** Events of which the fan-out is not over, and which this one would overtake. */
function isBehind(tables: Tables, { event, fanOut }: NewEvent, sameKey: boolean): boolean {
  if (fanOut !== 'inline' || event.orderingKey === null) return false
  return [...tables.fanOuts].some(({ record }) => !sameKey || record.orderingKey === event.orderingKey)
}

function makesWait(sameKey: boolean) {
  return (inner: HostedStorage, tables: Tables): Partial<HostedStorage> => ({
    insertEvents: async (input) => {
      const [item] = input.events
      if (item !== undefined && isBehind(tables, item, sameKey)) return [{ status: 'fan_out_waits' }]
      return inner.insertEvents(input)
    },
  })
}

const fanOutFaults: Fault[] = [
  {
    fault: 'an inline event overtakes a fan-out of its key',
    caughtBy: 'fan-out order: behind an event of its key that still fans out an inline one has to wait',
    of: (inner, tables) => ({
      insertEvents: async (input) => {
        const earlier = [...tables.fanOuts]
        tables.fanOuts.clear()
        const inserting = inner.insertEvents(input)
        const added = [...tables.fanOuts]
        tables.fanOuts.clear()
        for (const event of [...earlier, ...added]) tables.fanOuts.add(event)
        return inserting
      },
    }),
  },
  {
    fault: 'any fan-out makes an inline event wait',
    caughtBy: 'fan-out order: other keys, other tenants and events without a key do not wait',
    of: makesWait(false),
  },
  {
    fault: 'whether an event has to wait is looked at first',
    caughtBy: 'fan-out order: repeats, duplicates and outdated endpoints are answered first',
    of: makesWait(true),
  },
  {
    fault: 'an event does not see the fan-outs of its own batch',
    caughtBy: 'fan-out order: the earlier one may stand in the same batch',
    of: (inner) => ({
      insertEvents: async (input) => {
        const inline = input.events.filter(({ fanOut }) => fanOut === 'inline')
        const others = input.events.filter(({ fanOut }) => fanOut !== 'inline')
        const results = await inner.insertEvents({ ...input, events: [...inline, ...others] })
        return input.events.flatMap((event) => results[[...inline, ...others].indexOf(event)] ?? [])
      },
    }),
  },
  {
    fault: 'all events of a key fan out at once',
    caughtBy: 'fan-out order: of the events of one tenant and key only the first fans out',
    of: (_, tables) => ({
      pendingFanOuts: async ({ limit }) =>
        [...tables.fanOuts]
          .slice(0, limit)
          .flatMap(({ record, endpointsVersion, endpointIds, fanOutCursor: cursor }) => {
            const { id, tenant, type, deliverAt } = record
            return cursor === null
              ? []
              : [{ event: { id, tenant, type, deliverAt }, endpointsVersion, endpointIds, cursor }]
          }),
    }),
  },
  {
    fault: 'the endpoints that the caller addressed are forgotten',
    caughtBy: 'fan-out order: the endpoints that the caller addressed are kept for the slices',
    of: insertsEach((item) => ({ ...item, endpointIds: null })),
  },
]

export const ORDERING_FAULTS: Fault[] = [...turnFaults, ...acceptFaults, ...upkeepFaults, ...fanOutFaults]
