import { setMaxListeners } from 'node:events'
import { WebhookError } from '../errors.ts'
import type { AttemptRecord } from '../model/attempt.ts'
import type { Lease } from '../model/delivery.ts'
import type { EndpointRecord, EndpointSecret } from '../model/endpoint.ts'
import type { EventContent } from '../model/event.ts'
import { type DeliverPorts, deliver } from '../pipeline/deliver.ts'
import { settleAttempt, unsignedAttempt } from '../pipeline/settle.ts'
import { attemptHeaders } from '../pipeline/sign.ts'
import type { SigningScheme } from '../signing/scheme.ts'
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

/** Tests of endpoints at once, in all and of one tenant. */
const TESTS_MAX = 16
const TESTS_PER_TENANT_MAX = 4

export interface AttemptPorts extends Pick<DeliverPorts, 'transport' | 'resolve'> {
  target: (url: string, allowRanges: readonly string[]) => ReturnType<DeliverPorts['target']>
  judge: (address: string, allowRanges: readonly string[]) => string | null
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
  readonly #shutdown = new AbortController()

  constructor(context: EngineContext, settler: Settler, ports: AttemptPorts) {
    this.#context = context
    this.#settler = settler
    this.#ports = ports
    // Every attempt in flight listens: as many as there are permits.
    setMaxListeners(0, this.#shutdown.signal)
  }

  get inFlight(): number {
    return this.#running.size
  }

  /** Ends what is in flight as `aborted`. */
  abort(): void {
    this.#shutdown.abort()
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
    const run = this.#run(work)
      .catch((error) => this.#context.lifecycle.fail(error, `an attempt of delivery ${work.lease.deliveryId}`))
      .finally(() => {
        work.permit.release()
        this.#running.delete(work.lease)
      })
    this.#running.set(work.lease, run)
  }

  async #run(work: Work): Promise<void> {
    const { clock, settings, random, lifecycle } = this.#context
    const { lease, endpoint } = work
    // The process may have stood still since the claim: whoever finds the lease expired counts this attempt as lost.
    if (clock.monotonic() >= work.validUntil) {
      work.permit.cancel()
      return
    }
    const made = await this.#attempt(work)
    const attempt = { ...made, responseBody: this.#budget.keep(endpoint.id, made.responseBody, made.startedAt) }
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
    const { signing, userAgent, judge, target, transport, resolve } = this.#ports
    const { endpoint, lease, event } = work
    const allowRanges = endpoint.overrides.allowRanges ?? []
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
        shutdown: this.#shutdown.signal,
      },
      {
        clock,
        transport,
        resolve,
        target: (url) => target(url, allowRanges),
        judge: (address) => judge(address, allowRanges),
      },
    )
    return { ...attempt, requestHeaders: masked(attempt.requestHeaders, endpoint.headers) }
  }
}

/** Customers put tokens into their endpoint's headers: the record names these headers and does not keep their values. */
function masked(sent: Record<string, string>, own: Record<string, string>): Record<string, string> {
  const masks = Object.keys(own).map((name) => [name.toLowerCase(), '***'])
  return { ...sent, ...Object.fromEntries(masks) }
}
