import { WebhookError } from '../errors.ts'
import type { AttemptRecord } from '../model/attempt.ts'
import type { Lease } from '../model/delivery.ts'
import type { EndpointRecord, EndpointSecret } from '../model/endpoint.ts'
import type { EventContent } from '../model/event.ts'
import { type DeliverPorts, deliver } from '../pipeline/deliver.ts'
import { settleAttempt, unsignedAttempt } from '../pipeline/settle.ts'
import { attemptHeaders } from '../pipeline/sign.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import { AttemptEnds } from './attempt-ends.ts'
import type { EngineContext } from './context.ts'
import { attemptLimitsOf, retryOf } from './effective.ts'
import type { Permit } from './permits.ts'
import { ResponseBudget } from './response-budget.ts'
import type { Settler } from './settler.ts'

/** Steps 4 to 6 of one leased delivery: sign, deliver, settle. */

/** A leased delivery with what its attempt needs. */
export interface Work {
  lease: Lease
  event: EventContent
  endpoint: EndpointRecord
  permit: Permit
  /** On the monotonic clock: the lease is not to be used after this. */
  validUntil: number
}

/** What one attempt is made of, whether it belongs to a delivery or not. */
interface Attempted extends Pick<Work, 'event' | 'endpoint'> {
  lease: Pick<Lease, 'claim' | 'round'>
}

const NO_RANGES: readonly string[] = []

/** Tests of endpoints at once, in all and of one tenant. */
const TESTS_MAX = 16
const TESTS_PER_TENANT_MAX = 4

export interface AttemptPorts extends Pick<DeliverPorts, 'transport' | 'resolve' | 'target' | 'judge'> {
  /** What signs for an endpoint. Throws when that is not known. */
  signing: (
    endpoint: EndpointRecord,
    now: number,
  ) => { schemes: readonly SigningScheme[]; secrets: readonly EndpointSecret[] }
  userAgent: string
}

export class AttemptRunner {
  readonly #context: EngineContext
  readonly #settler: Settler
  readonly #ports: AttemptPorts
  readonly #budget = new ResponseBudget()
  readonly #running = new Map<Lease, Promise<void>>()
  /** Tests under way, with their tenants. */
  readonly #tests = new Map<Promise<AttemptRecord>, string>()
  readonly #ends: AttemptEnds
  readonly #deliverPorts: DeliverPorts

  constructor(context: EngineContext, settler: Settler, ports: AttemptPorts) {
    this.#context = context
    this.#settler = settler
    this.#ports = ports
    const ends = new AttemptEnds(context.clock)
    this.#ends = ends
    const { transport, resolve, target, judge } = ports
    const watch: DeliverPorts['watch'] = (deadlineMs, end) => ends.watch(deadlineMs, end)
    this.#deliverPorts = { clock: context.clock, watch, transport, resolve, target, judge }
  }

  get inFlight(): number {
    return this.#running.size
  }

  /** Ends what is in flight as `aborted`. */
  abort(): void {
    this.#ends.shutDown()
  }

  /** Resolves when nothing is in flight any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  /** Whether this process attempts under this very lease now, whatever a clock that was set says of its end. */
  holds({ deliveryId, claim }: Lease): boolean {
    for (const lease of this.#running.keys()) if (lease.deliveryId === deliveryId && lease.claim === claim) return true
    return false
  }

  begin(work: Work): void {
    // The process may have stood still since the claim: whoever finds the lease expired counts this attempt as lost.
    if (this.#context.clock.monotonic() >= work.validUntil) work.permit.cancel()
    else this.#running.set(work.lease, this.#run(work))
  }

  async #run(work: Work): Promise<void> {
    try {
      await this.#attemptAndSettle(work)
    } catch (error) {
      this.#context.lifecycle.fail(error, `an attempt of delivery ${work.lease.deliveryId}`)
    } finally {
      work.permit.release()
      this.#running.delete(work.lease)
    }
  }

  async #attemptAndSettle(work: Work): Promise<void> {
    const { clock, settings, random, lifecycle } = this.#context
    const { lease, endpoint } = work
    const attempt = await this.#attempt(work)
    attempt.responseBody = this.#budget.keep(endpoint.id, attempt.responseBody, attempt.startedAt)
    const { settlement, decideError } = settleAttempt({
      lease,
      type: work.event.type,
      attempt,
      retry: retryOf(endpoint, settings),
      now: clock.now(),
      random: random.float(),
    })
    if (decideError !== undefined) lifecycle.fail(decideError, 'retry.decide failed; the schedule was kept')
    if (settlement.observation !== null) this.#context.weather.observe(endpoint, settlement.observation)
    await this.#settler.settle({ settlement, lease, type: work.event.type, urlVersion: endpoint.urlVersion })
  }

  /**
   * An attempt that belongs to no delivery: made as any other, and nothing is written or concluded of it. Takes no permit; few are
   * made at once instead, so that one customer's page of tests costs the others nothing. Throws `busy`.
   */
  async test(event: EventContent, endpoint: EndpointRecord): Promise<AttemptRecord> {
    const ofTenant = [...this.#tests.values()].filter((tenant) => tenant === endpoint.tenant).length
    if (this.#tests.size >= TESTS_MAX || ofTenant >= TESTS_PER_TENANT_MAX) {
      const message = 'too many endpoints are being tested at once: nothing was sent, try again in a moment.'
      throw new WebhookError('busy', message, { retryable: true })
    }
    const test = this.#attempt({ lease: { claim: 1, round: 1 }, event, endpoint })
    this.#tests.set(test, endpoint.tenant)
    return test.finally(() => this.#tests.delete(test))
  }

  /** Resolves when no test is under way any more. */
  async tested(): Promise<void> {
    await Promise.allSettled(this.#tests.keys())
  }

  async #attempt(work: Attempted): Promise<AttemptRecord> {
    const { clock, settings } = this.#context
    const { signing, userAgent } = this.#ports
    const { endpoint, lease, event } = work
    const now = clock.now()
    let headers: Record<string, string>
    try {
      headers = attemptHeaders({ event, endpointHeaders: endpoint.headers, ...signing(endpoint, now), now, userAgent })
    } catch (error) {
      this.#context.lifecycle.fail(error, `signing for endpoint ${endpoint.id}`)
      return unsignedAttempt(lease, endpoint.url, now, error)
    }
    const attempt = await deliver(
      {
        number: lease.claim,
        round: lease.round,
        url: endpoint.url,
        headers,
        body: event.body,
        limits: attemptLimitsOf(endpoint, settings),
        allowRanges: endpoint.overrides.allowRanges ?? NO_RANGES,
      },
      this.#deliverPorts,
    )
    attempt.requestHeaders = masked(attempt.requestHeaders, endpoint.headers)
    return attempt
  }
}

/** Customers put tokens into their endpoint's headers: the record names these headers and does not keep their values. */
function masked(sent: Record<string, string>, own: Record<string, string>): Record<string, string> {
  const names = Object.keys(own)
  if (names.length === 0) return sent
  return { ...sent, ...Object.fromEntries(names.map((name) => [name.toLowerCase(), '***'])) }
}
