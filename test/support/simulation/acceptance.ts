import type { InsertEventsInput, InsertResult, NewEvent, SliceInput } from '../../../src/ports/storage.ts'
import { assertGoesNoFurther } from './cancellations.ts'
import { granted } from './leases.ts'
import type { Ledger } from './ledger.ts'
import { type DeliveryModel, deliveryKeyOf, type EventModel, wants } from './model.ts'
import type { SimProcess } from './process.ts'

/** Events as they are accepted, with their deliveries. */

export function acceptances(
  ledger: Ledger,
  process: SimProcess,
  { events, now, worker }: InsertEventsInput,
  results: InsertResult[],
): void {
  for (const [index, item] of events.entries()) {
    const result = results[index] as InsertResult
    if (result.status !== 'inserted') {
      if (result.status === 'duplicate' && !ledger.events.has(result.eventId)) {
        ledger.violated('a duplicate is of an event that was accepted', result.eventId)
      }
      continue
    }
    // Known already: the repeat of an insert whose answer got lost.
    if (ledger.events.has(item.event.id)) continue
    const event = accepted(ledger, item)
    ledger.note(() => `${process.name} accepted ${event.id} for [${[...event.expected]}]`)
    for (const { endpointId, dueAt } of item.deliveries) newDelivery(ledger, event, endpointId, dueAt)
    for (const lease of result.leases) granted(ledger, process, lease, { now, worker, fast: true })
  }
}

export function slices(ledger: Ledger, { eventId, deliveries }: SliceInput, applied: boolean): void {
  const event = ledger.events.get(eventId)
  if (!applied || event === undefined) return
  for (const { endpointId, dueAt } of deliveries) newDelivery(ledger, event, endpointId, dueAt)
}

function accepted(ledger: Ledger, item: NewEvent): EventModel {
  const { id, tenant, type, deliverAt, body, metadata, idempotencyKey } = item.event
  const targeted = metadata.endpoints === undefined ? null : metadata.endpoints.split(',')
  const expected = [...ledger.endpoints.values()].filter(
    (endpoint) =>
      endpoint.tenant === tenant &&
      !endpoint.deleted &&
      (targeted === null ? wants(endpoint.patterns, type) : targeted.includes(endpoint.id)),
  )
  const event: EventModel = {
    id,
    tenant,
    type,
    deliverAt,
    body: body.slice(),
    sendNumber: Number(metadata.send),
    acceptedAt: ledger.sequence,
    expected: new Set(expected.map((endpoint) => endpoint.id)),
    addressed: targeted,
    backfilled: new Set(),
    background: item.fanOut === 'background',
    canceled: false,
  }
  ledger.events.set(id, event)
  ledger.accepted.set(event.sendNumber, [...(ledger.accepted.get(event.sendNumber) ?? []), id])
  if (idempotencyKey !== null) keepKey(ledger, `${tenant}|${idempotencyKey}`, id, item.idempotencyExpiresAt ?? 0)
  if (!event.background) assertInline(ledger, event, item)
  return event
}

function keepKey(ledger: Ledger, key: string, eventId: string, expiresAt: number): void {
  const before = ledger.idempotency.get(key)
  if (before !== undefined && before.expiresAt > ledger.latestNow) {
    ledger.violated('an idempotency key is accepted once per window', `${key}: ${before.eventId} and ${eventId}`)
  }
  ledger.idempotency.set(key, { eventId, expiresAt })
}

function assertInline(ledger: Ledger, event: EventModel, item: NewEvent): void {
  const given = item.deliveries.map((delivery) => delivery.endpointId).sort()
  const wanted = [...event.expected].sort()
  if (given.join() !== wanted.join()) {
    ledger.violated(
      'an event goes to the endpoints that match at acceptance',
      `${event.id}: [${given}] not [${wanted}]`,
    )
  }
}

export function newDelivery(ledger: Ledger, event: EventModel, endpointId: string, dueAt: number): void {
  const key = deliveryKeyOf(event.id, endpointId)
  const endpoint = ledger.endpoints.get(endpointId)
  if (endpoint === undefined || ledger.deliveries.has(key)) return
  assertGoesNoFurther(ledger, event, endpointId)
  if (dueAt < event.deliverAt) ledger.violated('never before deliverAt', `${key} is due at ${dueAt}`)
  const delivery: DeliveryModel = {
    key,
    event,
    endpoint,
    id: null,
    state: 'pending',
    reason: null,
    dueAt,
    claim: 0,
    round: 1,
    lease: null,
    grants: [],
    attempts: [],
    requests: [],
    replays: new Set(),
    doomed: false,
    endedRound: null,
  }
  ledger.deliveries.set(key, delivery)
}
