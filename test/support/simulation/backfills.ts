import type { ReplayRecord } from '../../../src/model/replay.ts'
import type { BackfillInput, NewReplay } from '../../../src/ports/storage.ts'
import { newDelivery } from './acceptance.ts'
import type { Ledger } from './ledger.ts'
import { type BackfillModel, deliveryKeyOf, type EndpointModel, type EventModel, wants } from './model.ts'
import type { SimProcess } from './process.ts'

/** Backfills: each event that an endpoint never had comes once, and nothing else does. */

export function observeNewReplay(ledger: Ledger, { id, kind, selection }: NewReplay): void {
  if (kind !== 'backfill' || ledger.backfills.has(id)) return
  const { endpointId = '', type = null, eventId = null } = selection
  const createdAt = ledger.sequence
  ledger.backfills.set(id, { id, endpointId, type, eventId, createdAt, brought: 0, completed: false })
}

export async function observeBackfill(
  ledger: Ledger,
  process: SimProcess,
  { replayId, now, eventIds }: BackfillInput,
  replay: ReplayRecord | null,
): Promise<void> {
  const backfill = ledger.backfills.get(replayId)
  const endpoint = ledger.endpoints.get(backfill?.endpointId ?? '')
  if (backfill === undefined || endpoint === undefined || replay === null || ledger.disk === null) return
  for (const eventId of eventIds) {
    const event = ledger.events.get(eventId)
    const key = deliveryKeyOf(eventId, endpoint.id)
    if (event === undefined || ledger.deliveries.has(key)) continue
    // What was written shows in the rows alone.
    const [row] = await ledger.disk.storage.deliveriesOf({ eventId, endpointIds: [endpoint.id] })
    if (row === undefined) continue
    assertWanted(ledger, backfill, event, endpoint)
    newDelivery(ledger, event, endpoint.id, Math.max(now, event.deliverAt))
    event.backfilled.add(endpoint.id)
    backfill.brought += 1
    ledger.note(() => `${process.name} backfilled ${key} by ${replayId}`)
  }
  if (replay.requeued !== backfill.brought) {
    ledger.violated('a backfill counts what it brings', `${replayId}: ${replay.requeued}, not ${backfill.brought}`)
  }
  if (replay.state !== 'completed' || backfill.completed) return
  backfill.completed = true
  assertWhole(ledger, backfill, endpoint)
}

function assertWanted(ledger: Ledger, backfill: BackfillModel, event: EventModel, endpoint: EndpointModel): void {
  const told = `${event.id} for ${endpoint.id} by ${backfill.id}`
  if (event.acceptedAt > backfill.createdAt) ledger.violated('a backfill brings nothing that came later', told)
  if (event.tenant !== endpoint.tenant) ledger.violated('nothing passes from one tenant to another', told)
  if (endpoint.deleted) ledger.violated('a backfill is for endpoints that are there', told)
  if (!endpoint.allPatterns.some((patterns) => isFor(backfill, event, endpoint.id, patterns))) {
    ledger.violated('a backfill brings what the endpoint wants', `${told}: ${event.type}`)
  }
}

/** At its end nothing is missing, where what the endpoint wants has stayed the same. */
function assertWhole(ledger: Ledger, backfill: BackfillModel, endpoint: EndpointModel): void {
  if (endpoint.deleted || endpoint.changedAt > backfill.createdAt) return
  for (const event of ledger.events.values()) {
    if (event.acceptedAt > backfill.createdAt || event.canceled || event.tenant !== endpoint.tenant) continue
    if (!isFor(backfill, event, endpoint.id, endpoint.patterns)) continue
    if (!ledger.deliveries.has(deliveryKeyOf(event.id, endpoint.id))) {
      ledger.violated('a backfill brings all that was missed', `${event.id} for ${endpoint.id} by ${backfill.id}`)
    }
  }
}

function isFor(backfill: BackfillModel, event: EventModel, endpointId: string, patterns: string[] | null): boolean {
  if (backfill.type !== null && backfill.type !== event.type) return false
  if (backfill.eventId !== null && backfill.eventId !== event.id) return false
  return event.addressed === null ? wants(patterns, event.type) : event.addressed.includes(endpointId)
}
