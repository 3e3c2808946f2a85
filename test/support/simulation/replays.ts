import type { DeliveryRecord } from '../../../src/model/delivery.ts'
import type { ReplayRecord } from '../../../src/model/replay.ts'
import type { ReplayStepInput } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import { deliveryKeyOf } from './model.ts'
import type { SimProcess } from './process.ts'

/** Deliveries that begin another round, and those canceled by upkeep. */

export async function observeReplayStep(
  ledger: Ledger,
  { replayId, now }: ReplayStepInput,
  replay: ReplayRecord | null,
): Promise<void> {
  if (replay === null || replay.requeued === 0 || ledger.disk === null) return
  // What a step requeued shows in the rows alone.
  const rows = await everyDelivery(ledger)
  for (const row of rows) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(row.eventId, row.endpointId))
    if (delivery === undefined || row.round === delivery.round) continue
    const told = `${delivery.key} by ${replayId}`
    if (row.round !== delivery.round + 1) ledger.violated('a replay begins the next round', told)
    if (delivery.state === 'pending' || delivery.state === 'leased') {
      ledger.violated('only what rests is replayed', `${told}: ${delivery.state}`)
    }
    if (delivery.replays.has(replayId)) ledger.violated('each delivery is requeued once per replay', told)
    delivery.replays.add(replayId)
    delivery.round = row.round
    delivery.state = 'pending'
    delivery.reason = null
    delivery.dueAt = now
    ledger.note(() => `replayed ${told}`)
  }
}

export async function everyDelivery(ledger: Ledger): Promise<DeliveryRecord[]> {
  const storage = ledger.disk!.storage
  const rows: DeliveryRecord[] = []
  let after = null
  do {
    const page = await storage.listDeliveries({ selection: {}, limit: 500, examine: 2_000, after })
    rows.push(...page.items)
    after = page.next
  } while (after !== null)
  return rows
}

export function observeCanceled(ledger: Ledger, process: SimProcess, canceled: DeliveryRecord[]): void {
  const { hold } = ledger.plan.options
  for (const { eventId, endpointId, reason } of canceled) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(eventId, endpointId))
    if (delivery === undefined) continue
    const { endpoint, key, state } = delivery
    if (state !== 'pending') ledger.violated('only what waits is canceled', `${key}: ${state}`)
    if (reason === 'endpoint_deleted' && !endpoint.deleted) ledger.violated('only the deleted are canceled so', key)
    const heldMs = ledger.now() - (endpoint.heldSince ?? ledger.now())
    if (reason === 'hold_expired' && heldMs < hold.maxAgeMs! && !ledger.plan.clockJumps) {
      ledger.violated('what is held is kept for hold.maxAgeMs', `${key}: held for ${heldMs} ms`)
    }
    delivery.state = 'canceled'
    delivery.reason = reason
    ledger.note(() => `${process.name} canceled ${key}: ${reason}`)
  }
}
