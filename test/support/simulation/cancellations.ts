import type { CancelEventInput, CanceledEvent } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import { type DeliveryModel, deliveryKeyOf, type EventModel } from './model.ts'
import type { SimProcess } from './process.ts'

/** Events that are canceled: they go no further, and what was under way is not repeated. */

const NO_FURTHER = 'a canceled event goes no further'

export function observeCancelEvent(
  ledger: Ledger,
  process: SimProcess,
  { id, limit }: CancelEventInput,
  output: CanceledEvent | null,
): void {
  const event = ledger.events.get(id)
  if (event === undefined || output === null) return
  event.canceled = true
  for (const { eventId, endpointId, state, reason } of output.canceled) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(eventId, endpointId))
    if (delivery === undefined) continue
    if (delivery.state !== 'pending')
      ledger.violated('only what waits is canceled', `${delivery.key}: ${delivery.state}`)
    if (state !== 'canceled' || reason !== 'event_canceled') {
      ledger.violated('storage tells what it has canceled', `${delivery.key}: ${state} ${reason}`)
    }
    delivery.state = 'canceled'
    delivery.reason = 'event_canceled'
  }
  if (output.canceled.length > limit) ledger.violated('a slice has its bound', `${output.canceled.length} > ${limit}`)
  for (const delivery of deliveriesOf(ledger, event)) {
    if (delivery.state === 'leased') delivery.doomed = true
    // What is pending still waits for the next slice.
    if (delivery.state !== 'pending') delivery.endedRound = delivery.round
  }
  ledger.note(() => `${process.name} canceled ${id}: ${output.canceled.length} deliveries`)
}

/** The call that canceled it was answered. Only a replay, which a person decides upon later, makes any of it go on. */
export function assertCanceled(ledger: Ledger, eventId: string): void {
  const event = ledger.events.get(eventId)
  if (event === undefined) return
  for (const delivery of deliveriesOf(ledger, event)) {
    if (delivery.state !== 'pending' || delivery.round > (delivery.endedRound ?? delivery.round)) continue
    ledger.violated('a canceled event ends with no open delivery', `${delivery.key} in round ${delivery.round}`)
  }
}

/** A delivery is about to be attempted. */
export function assertMayBegin(ledger: Ledger, { key, round, endedRound }: DeliveryModel): void {
  if (endedRound !== null && round <= endedRound) ledger.violated(NO_FURTHER, `${key} is leased in round ${round}`)
}

export function assertGoesNoFurther(ledger: Ledger, event: EventModel, endpointId: string): void {
  if (event.canceled) ledger.violated(NO_FURTHER, `${event.id} gets a delivery for ${endpointId}`)
}

function deliveriesOf(ledger: Ledger, event: EventModel): DeliveryModel[] {
  return [...ledger.deliveries.values()].filter((delivery) => delivery.event === event)
}
