import { deliveryKey } from '../../model/ids.ts'
import type { Selection } from '../../model/replay.ts'
import type { DeliveryRow, Tables } from './tables.ts'

/** Whether a delivery is of the selection, whatever its state. */
export type Matcher = (row: DeliveryRow) => boolean

export function matcherOf(selection: Selection): Matcher {
  const { tenant, endpointId, eventId, type, since, until, ids } = selection
  const keys = ids === undefined ? null : new Set(ids.map(deliveryKey))
  return ({ key, createdAt, event: { record }, endpoint }) =>
    (tenant === undefined || record.tenant === tenant) &&
    (endpointId === undefined || endpoint.record.id === endpointId) &&
    (eventId === undefined || record.id === eventId) &&
    (type === undefined || record.type === type) &&
    (since === undefined || createdAt >= since) &&
    (until === undefined || createdAt < until) &&
    (keys === null || keys.has(key))
}

export function isOfStates({ state }: DeliveryRow, { states }: Selection): boolean {
  return states === undefined || states.includes(state)
}

export function isAtRest({ state }: DeliveryRow): boolean {
  return state !== 'pending' && state !== 'leased'
}

/** The rows that a selection may match, sorted by nothing: a short way for those that name what they want. */
export function candidates(tables: Tables, { eventId, ids }: Selection): DeliveryRow[] | null {
  if (eventId !== undefined) return [...(tables.events.get(eventId)?.deliveries.values() ?? [])]
  if (ids === undefined) return null
  const keys = new Set(ids.map(deliveryKey))
  return [...keys].flatMap((key) => (key === null ? [] : (tables.deliveries.get(key) ?? [])))
}
