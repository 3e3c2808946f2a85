import type { Ledger } from './ledger.ts'
import type { DeliveryModel, EventModel, KeyTurns, RequestModel } from './model.ts'

/** Ordering keys: of one endpoint and key one after the other, in the order in which they were accepted. */

/** Puts a new delivery behind those of its ordering key. */
export function takeTurn(ledger: Ledger, delivery: DeliveryModel): void {
  const { event, endpoint } = delivery
  if (event.orderingKey === null) return
  const turns = turnsOf(ledger, delivery)
  for (const other of turns.written) {
    if (isBefore(event, other.event)) {
      const told = `${event.id} behind ${other.event.id} at ${endpoint.id}`
      ledger.violated('deliveries of an ordering key are written in the order of acceptance', told)
    }
  }
  turns.written.push(delivery)
  turns.queue.push(delivery)
  delivery.turns = turns
  if (turns.queue[0] !== delivery) {
    ledger.reached.push('waited')
    ledger.note(() => `${delivery.key} waits behind ${turns.queue[0]?.key}`)
  }
}

/** It came to rest. `notBefore`: until then the next one is not due; null: that one keeps its own time. */
export function endTurn(ledger: Ledger, delivery: DeliveryModel, notBefore: number | null): DeliveryModel | null {
  const { turns } = delivery
  if (turns === null) return null
  delivery.turns = null
  const wasHead = turns.queue[0] === delivery
  turns.queue.splice(turns.queue.indexOf(delivery), 1)
  const [head] = turns.queue
  if (!wasHead || head === undefined) return null
  head.dueAt = Math.max(head.dueAt, notBefore ?? head.dueAt)
  ledger.reached.push('turn came')
  ledger.note(() => `the turn of ${head.key} comes`)
  return head
}

/** It is behind another of its ordering key. */
export function isWaiting(delivery: DeliveryModel): boolean {
  return delivery.turns !== null && delivery.turns.queue[0] !== delivery
}

/** Only the head is leased, and the lease says so. */
export function assertTurn(ledger: Ledger, delivery: DeliveryModel, ordered: boolean, told: string): void {
  if (isWaiting(delivery)) {
    ledger.violated(
      'within an ordering key each waits for its turn',
      `${told}, behind ${delivery.turns?.queue[0]?.key}`,
    )
  }
  if (ordered !== (delivery.turns !== null)) {
    ledger.violated('a lease tells whether another waits for its end', `${told}: ${ordered}`)
  }
}

/**
 * By the requests alone: they do not overlap, and what was accepted before has come to rest. A lost lease explains what its holder
 * still does, and a replay has no turn.
 */
export function assertInOrder(ledger: Ledger, { delivery, grant }: RequestModel): void {
  const { event, key } = delivery
  if (event.orderingKey === null || grant.round > 1 || grant.ended === 'lost') return
  for (const other of turnsOf(ledger, delivery).written) {
    if (other === delivery) continue
    const told = `${key} #${grant.claim} while ${other.key} is ${other.state}, accepted ${other.event.acknowledgedAt}`
    if (isBefore(other.event, event) && other.round === 1 && (other.state === 'pending' || other.state === 'leased')) {
      ledger.violated('an ordering key is delivered in the order of acceptance', told)
    }
    if (other.requests.some((one) => one.grant.round === 1 && one.endedAt === null && one.grant.ended !== 'lost')) {
      ledger.violated('requests of an ordering key never overlap', told)
    }
  }
}

/** The call that sent the one was answered before that which sent the other was begun. */
function isBefore(one: EventModel, other: EventModel): boolean {
  return one.acknowledgedAt !== null && one.acknowledgedAt < other.begunAt
}

function turnsOf(ledger: Ledger, { event, endpoint }: DeliveryModel): KeyTurns {
  const key = `${endpoint.id}|${event.orderingKey}`
  const known = ledger.turns.get(key)
  if (known !== undefined) return known
  const turns: KeyTurns = { written: [], queue: [] }
  ledger.turns.set(key, turns)
  return turns
}
