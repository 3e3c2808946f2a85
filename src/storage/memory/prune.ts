import type { PruneInput } from '../../ports/storage.ts'
import type { DeliveryRow, EventRow, ReplayRow, Tables } from './tables.ts'

export function prune(tables: Tables, { now, deliveredBefore, failedBefore, limit }: PruneInput): number {
  let left = limit
  for (const row of tables.deliveries.values()) {
    if (left === 0) break
    if (isOver(row, deliveredBefore, failedBefore)) left -= removeDelivery(tables, row, left)
  }
  for (const row of tables.events.values()) {
    if (left === 0) break
    const bare = row.fanOutCursor === null && row.deliveries.size === 0
    if (bare && row.record.createdAt < deliveredBefore) left -= removeEvent(tables, row)
  }
  for (const [id, { expiresAt }] of tables.idempotency) {
    if (left === 0) break
    if (expiresAt <= now && tables.idempotency.delete(id)) left -= 1
  }
  for (const row of tables.replays.values()) {
    if (left === 0) break
    if (row.record.endedAt !== null && row.record.endedAt < failedBefore) left -= removeReplay(tables, row)
  }
  return limit - left
}

function isOver({ state, endedAt }: DeliveryRow, deliveredBefore: number, failedBefore: number): boolean {
  if (endedAt === null) return false
  return endedAt < (state === 'delivered' ? deliveredBefore : failedBefore)
}

/** Attempts first: with too little left for all of them, the delivery goes with the last of them, the next time. */
function removeDelivery(tables: Tables, row: DeliveryRow, limit: number): number {
  const attempts = row.attempts.splice(0, limit).length
  if (attempts === limit) return attempts
  row.event.deliveries.delete(row.endpoint.record.id)
  tables.deliveries.delete(row.key)
  tables.deliveriesByCreation.delete(row)
  return attempts + 1
}

function removeReplay(tables: Tables, row: ReplayRow): number {
  tables.replays.delete(row.record.id)
  tables.replaysByCreation.delete(row)
  return 1
}

function removeEvent(tables: Tables, row: EventRow): number {
  tables.events.delete(row.record.id)
  tables.eventsByCreation.delete(row)
  tables.bytes -= row.record.body.byteLength
  return 1
}
