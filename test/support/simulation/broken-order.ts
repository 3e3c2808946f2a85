import type { Storage } from '../../../src/ports/storage.ts'
import { enqueue } from '../../../src/storage/memory/lanes.ts'
import { operationsOn } from '../../../src/storage/memory/operations.ts'
import { createTables, type DeliveryRow, type Lane, type Tables } from '../../../src/storage/memory/tables.ts'
import type { Broken } from './sabotage.ts'
import type { Sabotage } from './world.ts'

/** Storages that break the order of ordering keys. They reach into the tables of memory storage. */

const tables = (change: (storage: Storage, tables: Tables) => Partial<Storage>): Sabotage => ({
  disk: () => {
    const own = createTables()
    const storage = operationsOn(own)
    return { ...storage, ...change(storage, own) }
  },
})

function lanesOf({ endpoints }: Tables): Lane[] {
  return [...endpoints.values()].map(({ lane }) => lane)
}

/** It waits no longer, and nobody waits for it. */
function setFree(lane: Lane, row: DeliveryRow): void {
  if (!lane.waiting.delete(row)) return
  for (const queue of lane.queues.values()) queue.delete(row)
  enqueue(row)
}

/** The end of a head gives nobody the turn. */
const promotesNobody: Sabotage = {
  disk: (storage) => ({
    ...storage,
    settle: ({ now, settlements }) =>
      storage.settle({ now, settlements: settlements.map((one) => ({ ...one, ordered: false })) }),
  }),
}

/** The end of a head gives two the turn. */
const promotesTwo = tables((storage, own) => ({
  async settle(input) {
    const result = await storage.settle(input)
    if (result.promotedDueAt === null) return result
    for (const lane of lanesOf(own)) {
      for (const [, second] of [...lane.queues.values()].map((queue) => [...queue])) if (second) setFree(lane, second)
    }
    return result
  },
}))

/** Those that wait are claimed like all others. */
const ignoresWaiting = tables((storage, own) => ({
  async dueLanes(input) {
    for (const lane of lanesOf(own)) for (const row of [...lane.waiting]) setFree(lane, row)
    return storage.dueLanes(input)
  },
}))

/** An event is written with its deliveries, though another of its key is still being fanned out. */
const ignoresFanOuts = tables((storage, own) => ({
  async insertEvents(input) {
    const kept = [...own.fanOuts]
    own.fanOuts.clear()
    const results = await storage.insertEvents(input)
    const added = [...own.fanOuts]
    own.fanOuts.clear()
    for (const row of [...kept, ...added]) own.fanOuts.add(row)
    return results
  },
}))

/** The one that was written last is fanned out first. */
const fansOutBackwards = tables((storage, own) => ({
  async pendingFanOuts(input) {
    const rows = [...own.fanOuts]
    own.fanOuts.clear()
    for (const row of rows.toReversed()) own.fanOuts.add(row)
    const found = await storage.pendingFanOuts(input)
    own.fanOuts.clear()
    for (const row of rows) own.fanOuts.add(row)
    return found
  },
}))

/** A head that is canceled gives nobody the turn. */
const canceledKeepTheirTurn = tables((storage, own) => ({
  async cancelHeld(input) {
    const before = lanesOf(own).map((lane) => [lane, [...lane.waiting]] as const)
    const canceled = await storage.cancelHeld(input)
    for (const [lane, rows] of before) {
      for (const row of rows) if (row.state === 'pending' && lane.pending.delete(row)) lane.waiting.add(row)
    }
    return canceled
  },
}))

/** While a head rests, its whole lane does. */
const headsBlockTheirLanes = tables((storage, own) => ({
  dueLanes(input) {
    const blocked = [...own.endpoints].filter(([, { lane }]) =>
      [...lane.queues.values()].some(([head]) => head?.state === 'pending' && head.dueAt > input.now),
    )
    return storage.dueLanes({ ...input, exclude: [...input.exclude, ...blocked.map(([id]) => id)] })
  },
}))

const TURN = 'within an ordering key each waits for its turn'
const IDLE = 'an idle lane with something due is served'
const REST = 'everything comes to rest or is held'

export const BROKEN_ORDER: readonly Broken[] = [
  {
    what: 'an end that gives nobody the turn',
    sabotage: promotesNobody,
    promises: ['a settlement tells whose turn came', REST],
  },
  { what: 'an end that gives two the turn', sabotage: promotesTwo, promises: [TURN] },
  { what: 'deliveries that do not wait for their turn', sabotage: ignoresWaiting, promises: [TURN] },
  {
    what: 'an event that overtakes a fan-out of its ordering key',
    sabotage: ignoresFanOuts,
    promises: ['deliveries of an ordering key are written in the order of acceptance'],
  },
  {
    what: 'fan-outs of an ordering key in the wrong order',
    sabotage: fansOutBackwards,
    promises: ['deliveries of an ordering key are written in the order of acceptance'],
  },
  {
    what: 'a canceled head that gives nobody the turn',
    sabotage: canceledKeepTheirTurn,
    promises: ['whose turn it is has a time, and nobody else', IDLE, REST],
  },
  {
    what: 'a head that holds up its whole lane',
    sabotage: headsBlockTheirLanes,
    promises: [IDLE],
  },
]
