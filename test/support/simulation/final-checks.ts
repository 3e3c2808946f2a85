import type { AttemptRecord } from '../../../src/model/attempt.ts'
import type { DeliveryRecord } from '../../../src/model/delivery.ts'
import type { Ledger } from './ledger.ts'
import { type DeliveryModel, deliveryKeyOf } from './model.ts'
import { everyDelivery } from './replays.ts'
import type { Sends } from './sends.ts'
import type { World } from './world.ts'

/** What must hold once everything rests: storage is read as a user would, and compared with what really happened. */

export async function checkAll(world: World, sends: Sends): Promise<void> {
  const { ledger, disk } = world
  sends.check()
  for (const id of sends.acknowledged) {
    const event = await disk.storage.getEvent({ id, tenant: null })
    if (event === null) ledger.violated('what is acknowledged is kept', id)
    else if (!Buffer.from(event.body).equals(ledger.events.get(id)!.body)) {
      ledger.violated('the bytes are those accepted', id)
    }
  }
  const rows = await everyDelivery(ledger)
  checkSpread(ledger, rows)
  for (const row of rows) {
    const delivery = ledger.deliveries.get(deliveryKeyOf(row.eventId, row.endpointId))
    if (delivery === undefined) continue
    const { items } = await disk.storage.listAttempts({ deliveryId: row.id, limit: 500, examine: 500, after: null })
    checkRow(ledger, delivery, row)
    checkAttempts(ledger, delivery, row, items)
  }
  if (!world.plan.clockJumps) checkWaits(ledger)
}

/** Each event has one delivery for each endpoint that matched when it was accepted, and no other. */
function checkSpread(ledger: Ledger, rows: DeliveryRecord[]): void {
  const keys = rows.map((row) => deliveryKeyOf(row.eventId, row.endpointId))
  const stored = new Set(keys)
  if (stored.size !== keys.length)
    ledger.violated('one delivery for each event and endpoint', `${keys.length - stored.size}`)
  for (const event of ledger.events.values()) {
    for (const endpoint of ledger.endpoints.values()) {
      const key = deliveryKeyOf(event.id, endpoint.id)
      // While an event is spread in the background, changes of endpoints count up to their slice.
      if (event.background && endpoint.changedAt > event.acceptedAt) {
        if (endpoint.createdAt > event.acceptedAt && stored.has(key) && !event.backfilled.has(endpoint.id))
          ledger.violated('no event goes to later endpoints', key)
      } else if (event.background && event.canceled) {
        if (stored.has(key) && !event.expected.has(endpoint.id))
          ledger.violated('an event goes to the endpoints that match at acceptance', key)
      } else if ((event.expected.has(endpoint.id) || event.backfilled.has(endpoint.id)) !== stored.has(key)) {
        ledger.violated('an event goes to the endpoints that match at acceptance', key)
      }
    }
  }
}

function checkRow(ledger: Ledger, delivery: DeliveryModel, row: DeliveryRecord): void {
  const told = `${delivery.key}: ${row.state} ${row.reason} in round ${row.round}`
  if (row.state !== delivery.state) ledger.violated('storage holds what was settled', `${told}, not ${delivery.state}`)
  if (row.reason !== delivery.reason)
    ledger.violated('storage holds what was settled', `${told}, not ${delivery.reason}`)
  if (row.round !== delivery.round) ledger.violated('storage holds what was settled', `${told}, not ${delivery.round}`)
  const waits = row.state === 'pending' || row.state === 'leased'
  if (waits && (delivery.endpoint.deleted || delivery.endpoint.state === 'active')) {
    ledger.violated('everything comes to rest or is held', told)
  }
  if (row.round !== 1 + delivery.replays.size) ledger.violated('each replay begins one round', told)
}

function checkAttempts(ledger: Ledger, delivery: DeliveryModel, row: DeliveryRecord, rows: AttemptRecord[]): void {
  const told = `${delivery.key}: ${rows.map(({ number, round, outcome }) => `${number}/${round} ${outcome}`).join(', ')}`
  if (rows.some(({ number }, index) => number !== index + 1)) ledger.violated('attempts are contiguous', told)
  if (row.attemptCount !== rows.length)
    ledger.violated('attemptCount counts the attempts', `${told}: ${row.attemptCount}`)
  if (
    rows.length !== delivery.attempts.length ||
    rows.some((one, i) => one.outcome !== delivery.attempts[i]?.outcome)
  ) {
    ledger.violated('storage holds what was settled', told)
  }
  if (rows.some((one, index) => index > 0 && one.round < rows[index - 1]!.round)) {
    ledger.violated('no attempt after the end of a round', told)
  }
  for (const round of new Set(rows.map((one) => one.round))) {
    checkRound(
      ledger,
      delivery,
      rows.filter((one) => one.round === round),
      told,
    )
  }
  for (const { grant } of delivery.requests) {
    if (rows[grant.claim - 1] === undefined) ledger.violated('each request has its attempt', `${told}: #${grant.claim}`)
  }
}

/** Within a round: nothing after its end, and no more attempts than the schedule has, the lost and aborted aside. */
function checkRound(ledger: Ledger, delivery: DeliveryModel, rows: AttemptRecord[], told: string): void {
  const last = rows.findIndex(({ outcome }) => outcome === 'delivered' || outcome === 'gone')
  if (last >= 0 && last < rows.length - 1) ledger.violated('no attempt after the end of a round', told)
  const scheduled = rows.filter(({ outcome }) => outcome !== 'lost' && outcome !== 'aborted').length
  const most = Math.max(...delivery.endpoint.retries.map((retry) => retry.delaysMs.length)) + 1
  if (scheduled > most) ledger.violated('a round has no more attempts than its schedule', told)
  const threeLost = rows.findIndex((_, i) => i >= 2 && rows.slice(i - 2, i + 1).every((one) => one.outcome === 'lost'))
  if (threeLost >= 0 && threeLost < rows.length - 1)
    ledger.violated('three attempts lost in a row fail a delivery', told)
  const { storageFaults, crashes, clockJumps } = ledger.plan
  if (!storageFaults && !crashes && !clockJumps && rows.some(({ outcome }) => outcome === 'lost')) {
    ledger.violated('without faults nothing is lost', told)
  }
}

/** By the requests alone, in true time: what failed is not repeated before the schedule's shortest delay. */
function checkWaits(ledger: Ledger): void {
  for (const { key, requests, endpoint, attempts } of ledger.deliveries.values()) {
    for (const [index, request] of requests.entries()) {
      const before = requests[index - 1]
      const outcome = before && attempts[before.grant.claim - 1]?.outcome
      if (before === undefined || before.grant.round !== request.grant.round || before.endedAt === null) continue
      if (outcome !== 'rejected' && outcome !== 'timed_out' && outcome !== 'connection_failed') continue
      const inRound = attempts.filter(
        (one) =>
          one.round === request.grant.round &&
          one.number <= before.grant.claim &&
          one.outcome !== 'lost' &&
          one.outcome !== 'aborted',
      ).length
      const least = Math.min(
        ...endpoint.retries.map(({ delaysMs, jitter }) => (delaysMs[inRound - 1] ?? 0) * (1 - jitter)),
      )
      if (request.at < before.endedAt + least - 1) {
        ledger.violated(
          'never early',
          `${key} #${request.grant.claim}: ${request.at - before.endedAt} ms, not ${least} ms`,
        )
      }
    }
  }
}
