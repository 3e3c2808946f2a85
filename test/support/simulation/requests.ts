import type { TransportRequest } from '../../../src/ports/transport.ts'
import type { Ledger } from './ledger.ts'
import { deliveryKeyOf, type RequestModel } from './model.ts'
import type { SimProcess } from './process.ts'

/** Requests as they leave a process: each under a lease of its own, with the accepted bytes, within all limits. */

export function observeRequest(ledger: Ledger, process: SimProcess, request: TransportRequest): RequestModel | null {
  const eventId = request.headers['webhook-id'] ?? ''
  const endpointId = ledger.hosts.get(new URL(request.url).hostname) ?? ''
  const key = deliveryKeyOf(eventId, endpointId)
  const delivery = ledger.deliveries.get(key)
  if (delivery === undefined) {
    ledger.violated('the webhook-id is that of an accepted event', `${key} by ${process.name}`)
    return null
  }
  const grant = delivery.grants.findLast((one) => one.process === process && one.ended !== 'released')
  if (grant === undefined || !grant.answered || grant.request !== null) {
    ledger.violated('each request is made under a lease of its own', `${key} by ${process.name} #${grant?.claim}`)
    return null
  }
  const seen: RequestModel = {
    process,
    delivery,
    grant,
    at: process.trueMonotonic(),
    endedAt: null,
    status: null,
    retryAfter: null,
  }
  assertMoment(ledger, seen)
  assertAlone(ledger, seen)
  if (!Buffer.from(request.body).equals(delivery.event.body)) ledger.violated('the bytes are those accepted', key)
  grant.request = seen
  delivery.requests.push(seen)
  ledger.requests.push(seen)
  process.inFlight.add(seen)
  assertLimits(ledger, seen)
  return seen
}

function assertMoment(ledger: Ledger, { process, delivery, grant, at }: RequestModel): void {
  const { key, endpoint } = delivery
  const now = process.clock.now()
  // A call to storage may take this long, and the clock be set meanwhile.
  const jumped = process.machine.jumpedSince(grant.at - 120_000)
  if (at >= grant.at + grant.leaseMs || (!jumped && now >= grant.until)) {
    ledger.violated('no request is begun after its lease has ended', `${key} #${grant.claim} by ${process.name}`)
  }
  if (!jumped && now < grant.dueAt) {
    ledger.violated('never early', `${key} #${grant.claim} at ${now}, due at ${grant.dueAt}`)
  }
  if (endpoint.heldBy.has(process)) {
    ledger.violated('no request is begun after the call that paused was answered', `${key} by ${process.name}`)
  }
  if (process.stopped || process.transportClosed) {
    ledger.violated('no request is begun after stop', `${key} by ${process.name}`)
  }
}

/** Requests for one delivery never overlap, unless the earlier one's lease has run out. */
function assertAlone(ledger: Ledger, { delivery, grant }: RequestModel): void {
  // By another machine's clock the lease was over before it was used: nobody could know here.
  if (grant.ended === 'lost' && ledger.plan.clockJumps) return
  for (const other of delivery.requests) {
    if (other.endedAt === null && other.grant.ended !== 'lost') {
      ledger.violated(
        'requests for one delivery never overlap',
        `${delivery.key} #${grant.claim}, #${other.grant.claim}`,
      )
    }
    // A receiver that answered and was heard is asked again only by a replay.
    if (other.grant.ended === 'settled' && other.grant.round === grant.round && isDelivered(other)) {
      ledger.violated('no attempt after the end of a round', `${delivery.key} #${grant.claim}`)
    }
  }
}

function isDelivered({ delivery, grant }: RequestModel): boolean {
  return delivery.attempts[grant.claim - 1]?.outcome === 'delivered'
}

function assertLimits(ledger: Ledger, { process, delivery }: RequestModel): void {
  const { endpoint } = delivery
  const total = process.inFlight.size
  const most = ledger.plan.options.concurrency.total!
  if (total > most) ledger.violated('concurrency.total holds', `${total} > ${most} in ${process.name}`)
  const ofEndpoint = [...process.inFlight].filter((one) => one.delivery.endpoint === endpoint).length
  const limit = Math.max(...endpoint.concurrencies)
  if (ofEndpoint > limit) {
    ledger.violated(
      'the concurrency of an endpoint holds',
      `${ofEndpoint} > ${limit} at ${endpoint.id} in ${process.name}`,
    )
  }
  assertRate(ledger, process, endpoint.id, endpoint.rateLimits)
}

/**
 * Over any stretch, what the limit brings and what may be saved up. Checked while it never changed, and while storage answers at
 * once: a permit is taken before the claim, so that requests crowd together after a slow one.
 */
function assertRate(
  ledger: Ledger,
  process: SimProcess,
  endpointId: string,
  limits: RequestModel['delivery']['endpoint']['rateLimits'],
): void {
  const [rate] = limits
  if (!rate || process.slows > 0 || limits.some((one) => one?.limit !== rate.limit || one.perMs !== rate.perMs)) return
  const times = ledger.requests
    .filter((one) => one.process === process && one.delivery.endpoint.id === endpointId)
    .map(({ at }) => at)
  const end = times.at(-1) ?? 0
  const burst = 1 + Math.max(1, rate.limit * 0.05, (rate.limit / rate.perMs) * 250)
  for (const [index, begin] of times.entries()) {
    const count = times.length - index
    if (count > burst + ((end - begin) * rate.limit) / rate.perMs) {
      const told = `${count} requests in ${end - begin} ms at ${endpointId}, ${rate.limit} per ${rate.perMs} ms`
      ledger.violated('the rate limit of an endpoint holds', told)
      return
    }
  }
}
