import type {
  AttemptQuery,
  AttemptRecord,
  Count,
  CountInput,
  DeliveryQuery,
  DeliveryRecord,
  Page,
} from 'hookferry/storage'
import { key, under } from './keys.ts'
import { pageOf } from './page.ts'
import { attemptRecord, deliveryKey, deliveryRecord } from './records.ts'
import type { DeliveryRow } from './rows.ts'
import { isAtRest, isSelected, selectDown } from './selection.ts'
import type { Reader } from './store/store.ts'
import { attempts, deliveries } from './tables.ts'

export function getDelivery(db: Reader, { id, tenant }: { id: string; tenant: string | null }): DeliveryRecord | null {
  const row = deliveries.find(db, deliveryKey(id))
  if (row === undefined || (tenant !== null && row.tenant !== tenant)) return null
  return deliveryRecord(row)
}

export function deliveriesOf(
  db: Reader,
  { eventId, endpointIds }: { eventId: string; endpointIds: string[] },
): DeliveryRecord[] {
  return [...new Set(endpointIds)].flatMap((endpointId) => {
    const row = deliveries.at(db, key('once', eventId, endpointId))
    return row === undefined ? [] : deliveryRecord(row)
  })
}

export function listDeliveries(db: Reader, query: DeliveryQuery): Page<DeliveryRecord> {
  const { selection, after } = query
  return pageOf(selectDown(db, selection, after), query, {
    placeOf,
    matches: (row) => isSelected(row, selection),
    record: deliveryRecord,
  })
}

export function countAtRest(db: Reader, { selection, examine, after }: CountInput): Count {
  const { items, next } = pageOf(
    selectDown(db, selection, after),
    { limit: examine, examine, after },
    { placeOf, matches: (row) => isSelected(row, selection) && isAtRest(row), record: () => null },
  )
  return { count: items.length, next }
}

/** `after.key` is the number of the attempt seen last. */
export function listAttempts(db: Reader, query: AttemptQuery): Page<AttemptRecord> {
  const delivery = deliveryKey(query.deliveryId)
  const from = key('attempts', delivery, (query.after?.key ?? 0) + 1)
  return pageOf(attempts.along(db, { ...under('attempts', delivery), from }), query, {
    placeOf: ({ record }) => ({ at: record.startedAt, key: record.number }),
    matches: () => true,
    record: attemptRecord,
  })
}

function placeOf({ createdAt, key }: DeliveryRow) {
  return { at: createdAt, key }
}
