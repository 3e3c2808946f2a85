import type { Position, Selection } from 'hookferry/storage'
import { rangeDown, rangeUp } from './page.ts'
import { deliveryKey } from './records.ts'
import type { DeliveryRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { deliveries } from './tables.ts'

/** Whether a delivery is of the selection, its state included. */
export function isSelected(row: DeliveryRow, selection: Selection): boolean {
  const { tenant, endpointId, eventId, type, states, since, until } = selection
  return (
    (tenant === undefined || row.tenant === tenant) &&
    (endpointId === undefined || row.endpointId === endpointId) &&
    (eventId === undefined || row.eventId === eventId) &&
    (type === undefined || row.type === type) &&
    (states === undefined || states.includes(row.state)) &&
    (since === undefined || row.createdAt >= since) &&
    (until === undefined || row.createdAt < until)
  )
}

export function isAtRest({ state }: DeliveryRow): boolean {
  return state !== 'pending' && state !== 'leased'
}

/** Newest first, from below `after`: all that may be selected, and others. */
export function selectDown(db: Reader, selection: Selection, after: Position | null): Iterable<DeliveryRow> {
  if (selection.ids !== undefined) {
    const rows = named(db, selection.ids).reverse()
    return after === null ? rows : rows.filter((row) => compare(row, after) < 0)
  }
  return deliveries.alongDown(db, rangeDown(indexOf(selection), { ...selection, after }))
}

/** Oldest first, from above `after`. */
export function selectUp(db: Reader, selection: Selection, after: Position | null): Iterable<DeliveryRow> {
  if (selection.ids !== undefined) {
    const rows = named(db, selection.ids)
    return after === null ? rows : rows.filter((row) => compare(row, after) > 0)
  }
  return deliveries.along(db, rangeUp(indexOf(selection), { ...selection, after }))
}

/** The index for the condition that narrows most; the others are checked row by row. */
function indexOf({ tenant, endpointId, eventId }: Selection): string[] {
  if (eventId !== undefined) return ['deliveries-for', eventId]
  if (endpointId !== undefined) return ['deliveries-at', endpointId]
  return tenant === undefined ? ['deliveries'] : ['deliveries-of', tenant]
}

function named(db: Reader, ids: readonly string[]): DeliveryRow[] {
  const keys = new Set(ids.map(deliveryKey))
  const rows = [...keys].flatMap((key) => deliveries.find(db, key) ?? [])
  return rows.sort((a, b) => compare(a, { at: b.createdAt, key: b.key }))
}

function compare({ createdAt, key }: DeliveryRow, position: Position): number {
  return createdAt - position.at || key - position.key
}
