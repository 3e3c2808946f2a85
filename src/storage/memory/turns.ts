import { enqueue } from './lanes.ts'
import type { DeliveryRow, TurnQueue } from './tables.ts'

/** Puts a new delivery behind those of its ordering key. True: it is the head, or has no key, and may go on. */
export function takeTurn(row: DeliveryRow): boolean {
  const key = row.event.record.orderingKey
  if (key === null) return true
  const { queues, waiting } = row.endpoint.lane
  const queue: TurnQueue = queues.get(key) ?? new Set()
  queues.set(key, queue.add(row))
  if (queue.size === 1) return true
  waiting.add(row)
  return false
}

/**
 * Takes a delivery out of the turns of its key. Where it was the head, the next one is, due at its own time but not before
 * `notBefore`; that one is returned.
 */
export function endTurn(row: DeliveryRow, notBefore: number): DeliveryRow | null {
  row.ordered = false
  const { queues, waiting } = row.endpoint.lane
  const key = row.event.record.orderingKey
  const queue = key === null ? undefined : queues.get(key)
  if (key === null || !queue?.delete(row)) return null
  const [head] = queue
  if (head === undefined) queues.delete(key)
  if (waiting.delete(row) || head === undefined) return null
  waiting.delete(head)
  head.dueAt = Math.max(head.dueAt, notBefore)
  enqueue(head)
  return head
}

export function isWaiting(row: DeliveryRow): boolean {
  return row.endpoint.lane.waiting.has(row)
}
