import type { AttemptRecord, DeliveryRecord, EndpointRecord, EventContent, EventRecord, Lease } from 'hookferry/storage'
import type { AttemptRow, DeliveryRow, EndpointRow, EventRow, LaneRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { bodyKey, events } from './tables.ts'

/** Rows as the contract has them. */

/** Ids are for the storage to make: text of the characters that an id may have, and none used twice. */
const PREFIX = 'dlv_'

function deliveryId(key: number): string {
  return `${PREFIX}${key}`
}

/** 0, which is the key of none, for what is no id of ours. */
export function deliveryKey(id: string): number {
  const key = Number(id.slice(PREFIX.length))
  return Number.isSafeInteger(key) && deliveryId(key) === id ? key : 0
}

export function deliveryRecord(row: DeliveryRow): DeliveryRecord {
  const { eventId, endpointId, tenant, type, state, reason, round, attemptCount, createdAt, endedAt } = row
  return {
    id: deliveryId(row.key),
    eventId,
    endpointId,
    tenant,
    type,
    state,
    reason,
    round,
    attemptCount,
    nextAttemptAt: state === 'pending' && !row.waits ? row.dueAt : null,
    createdAt,
    endedAt,
  }
}

export function leaseOf(row: DeliveryRow, { leasedAt, until }: { leasedAt: number; until: number }): Lease {
  const { eventId, endpointId, tenant, claim, round, step, lost } = row
  const ordered = row.orderingKey !== null
  return {
    deliveryId: deliveryId(row.key),
    eventId,
    endpointId,
    tenant,
    claim,
    round,
    step,
    lost,
    ordered,
    leasedAt,
    until,
  }
}

export function endpointRecord({ record }: EndpointRow, { health }: LaneRow): EndpointRecord {
  return { ...record, health }
}

export function eventRecord(db: Reader, { record }: EventRow): EventRecord {
  return { ...record, body: bytesOf(db.get(bodyKey(record.id)) ?? '') }
}

/** What one attempt needs of its event. */
export function eventContent(db: Reader, eventId: string): EventContent {
  const { id, type, contentType, body, headers, createdAt } = eventRecord(db, events.get(db, eventId))
  return { id, type, contentType, body, headers, createdAt }
}

export function attemptRecord({ record, body }: AttemptRow): AttemptRecord {
  return { ...record, responseBody: body === null ? null : bytesOf(body) }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
