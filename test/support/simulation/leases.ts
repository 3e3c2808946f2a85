import type { Lease } from '../../../src/model/delivery.ts'
import type { ClaimedDelivery, ClaimInput, InsertResult } from '../../../src/ports/storage.ts'
import { assertMayBegin } from './cancellations.ts'
import type { Ledger } from './ledger.ts'
import { type DeliveryModel, deliveryKeyOf, type Grant } from './model.ts'
import type { SimProcess } from './process.ts'

/** Leases as they are given and given back: one live lease at a time, never early, never in a blocked lane. */

export function claims(
  ledger: Ledger,
  process: SimProcess,
  { now, worker }: ClaimInput,
  claimed: ClaimedDelivery[],
): void {
  for (const { lease } of claimed) granted(ledger, process, lease, { now, worker, fast: false })
}

interface Granting {
  now: number
  worker: string
  /** With its event, not by a claim. */
  fast: boolean
}

export function granted(ledger: Ledger, process: SimProcess, lease: Lease, how: Granting): void {
  const { now, worker, fast } = how
  const key = deliveryKeyOf(lease.eventId, lease.endpointId)
  const delivery = ledger.deliveries.get(key)
  if (delivery === undefined) {
    ledger.violated('only what was accepted is delivered', key)
    return
  }
  const { endpoint } = delivery
  const told = `${key} #${lease.claim} by ${process.name} at ${now}`
  if (delivery.lease !== null)
    ledger.violated('one live lease at a time', `${told}, held by ${delivery.lease.process.name}`)
  if (lease.claim !== delivery.claim + 1)
    ledger.violated('each claim adds one to the number', `${told}, was ${delivery.claim}`)
  if (delivery.state !== 'pending') ledger.violated('no attempt after the end of a round', `${told}: ${delivery.state}`)
  assertMayBegin(ledger, delivery)
  if (now < delivery.dueAt) ledger.violated('never early', `${told}, due at ${delivery.dueAt}`)
  if (now > process.clock.now() && !process.machine.jumpedSince(process.trueMonotonic() - 120_000)) {
    ledger.violated('never early', `${told}, but it is ${process.clock.now()}`)
  }
  if (endpoint.deleted || endpoint.state !== 'active') {
    ledger.violated('a held lane is not claimed from', `${told}: ${endpoint.deleted ? 'deleted' : endpoint.state}`)
  }
  if (now < endpoint.blockedUntil) {
    ledger.violated('a throttled lane rests as long as it was asked to', `${told}, until ${endpoint.blockedUntil}`)
  }
  if (fast && isBehind(ledger, delivery, now)) {
    ledger.violated('the fast lane overtakes nothing', told)
  }
  const grant: Grant = {
    process,
    worker,
    claim: lease.claim,
    round: lease.round,
    at: process.trueMonotonic(),
    leaseMs: lease.until - lease.leasedAt,
    until: lease.until,
    dueAt: delivery.dueAt,
    answered: false,
    request: null,
    ended: null,
  }
  delivery.id = lease.deliveryId
  ledger.deliveriesById.set(lease.deliveryId, delivery)
  delivery.claim = lease.claim
  delivery.state = 'leased'
  delivery.lease = grant
  delivery.grants.push(grant)
  ledger.note(() => `${process.name} leased ${told} until ${lease.until}`)
}

/** Whether its lane has something else that is due. */
function isBehind(ledger: Ledger, delivery: DeliveryModel, now: number): boolean {
  const { endpoint } = delivery
  for (const other of ledger.deliveries.values()) {
    if (other.endpoint === endpoint && other !== delivery && other.state === 'pending' && other.dueAt <= now)
      return true
  }
  return false
}

export function leasesAnswered(
  ledger: Ledger,
  process: SimProcess,
  method: 'insertEvents' | 'claimDue',
  output: InsertResult[] | ClaimedDelivery[],
): void {
  const leases =
    method === 'claimDue'
      ? (output as ClaimedDelivery[]).map(({ lease }) => lease)
      : (output as InsertResult[]).flatMap((result) => (result.status === 'inserted' ? result.leases : []))
  for (const lease of leases) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(lease.eventId, lease.endpointId))
    const grant = delivery?.grants.findLast((one) => one.process === process && one.claim === lease.claim)
    if (grant !== undefined) grant.answered = true
  }
}

export function releases(ledger: Ledger, process: SimProcess, input: { worker: string; leases: Lease[] }): void {
  for (const { eventId, endpointId, claim } of input.leases) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(eventId, endpointId))
    const grant = delivery?.lease
    if (!delivery || !grant || grant.worker !== input.worker || grant.claim !== claim) continue
    if (grant.request !== null) {
      ledger.violated('a lease with a request under it is not given back', `${delivery.key} #${claim}`)
    }
    grant.ended = 'released'
    delivery.lease = null
    delivery.claim -= 1
    delivery.state = delivery.doomed ? 'canceled' : 'pending'
    if (delivery.doomed) delivery.reason = 'event_canceled'
    delivery.doomed = false
    ledger.note(() => `${process.name} gave back ${delivery.key} #${claim}`)
  }
}
