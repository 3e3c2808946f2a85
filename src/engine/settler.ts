import type { Lease } from '../model/delivery.ts'
import type { DisableReason } from '../model/endpoint.ts'
import { judgeEndpoint } from '../pipeline/disable.ts'
import type { Settlement, SettleResult, SettleStatus, StateChange } from '../ports/storage.ts'
import type { EngineContext } from './context.ts'
import { GroupCommit } from './group-commit.ts'
import { hostTurn } from './host-turn.ts'
import type { DeliveryNews } from './lifecycle-events.ts'
import { type Patiently, patiently } from './resilient-storage.ts'

/** Step 6: results are committed in groups; what they mean for endpoints is decided and told after the commit. */

const BATCH_COUNT_MAX = 128
const BATCH_BYTES_MAX = 1024 * 1024

const EVENT_CANCELED = { state: 'canceled', reason: 'event_canceled' } as const

/** One ended attempt on its way to storage. */
export interface Result {
  settlement: Settlement
  lease: Lease
  type: string
  /** Of the endpoint, as it was when the attempt was made. */
  urlVersion: number
}

export class Settler {
  readonly #context: EngineContext
  readonly #pendingFrom: (dueAt: number) => void
  readonly #group: GroupCommit<Result, SettleStatus>
  /** Oldest first, by the monotonic moment at which each result came. */
  readonly #unsettled = new Map<Result, number>()
  readonly #judging = new Set<Promise<void>>()
  readonly #patiently: Patiently
  #givenUp = false

  constructor(context: EngineContext, pendingFrom: (dueAt: number) => void) {
    this.#context = context
    this.#pendingFrom = pendingFrom
    this.#patiently = patiently(context, () => !this.#givenUp)
    this.#group = new GroupCommit({
      countMax: BATCH_COUNT_MAX,
      bytesMax: BATCH_BYTES_MAX,
      write: (results) => this.#write(results),
      divisible: () => true,
    })
  }

  /** How long the oldest result has been waiting for its commit, in milliseconds. */
  get oldestMs(): number {
    for (const since of this.#unsettled.values()) return this.#context.clock.monotonic() - since
    return 0
  }

  /** From now on a storage that does not answer is given up on: what is unsettled then is lost, and attempted again. */
  giveUp(): void {
    this.#givenUp = true
  }

  /** Resolves when every endpoint whose failures were written has been judged: storage must not be closed before. */
  async judged(): Promise<void> {
    while (this.#judging.size > 0) await Promise.all(this.#judging)
  }

  async settle(result: Result): Promise<SettleStatus> {
    const { attempt } = result.settlement
    this.#unsettled.set(result, this.#context.clock.monotonic())
    try {
      const status = await this.#group.add(result, (attempt.responseBody?.byteLength ?? 0) + 1_024)
      if (status === 'applied' || status === 'canceled') this.#tell(result, status === 'canceled')
      return status
    } finally {
      this.#unsettled.delete(result)
    }
  }

  async #write(results: Result[]): Promise<SettleStatus[]> {
    const { storage, clock } = this.#context
    const settlements = results.map((result) => result.settlement)
    const outcome = await this.#patiently(() => storage.settle({ now: clock.now(), settlements }))
    if (outcome.promotedDueAt !== null) this.#pendingFrom(outcome.promotedDueAt)
    // Whose turn came by a commit whose answer was lost is not told again.
    const repeated = settlements.some(({ ordered }, index) => ordered && outcome.statuses[index] === 'alreadyApplied')
    if (repeated) this.#pendingFrom(clock.now())
    // After the attempts themselves were told: first what happened, then what follows from it.
    const judging = hostTurn()
      .then(() => this.#judgeAll(results, outcome))
      .finally(() => this.#judging.delete(judging))
    this.#judging.add(judging)
    return outcome.statuses
  }

  /**
   * Makes nothing of what nobody hears: this is called for every attempt. `canceled`: its event was canceled while the attempt was
   * under way, so that it is not repeated.
   */
  #tell({ settlement, lease, type }: Result, canceled: boolean): void {
    const { lifecycle } = this.#context
    const { attempt, claim: attempts } = settlement
    const next = canceled ? EVENT_CANCELED : settlement.next
    if (lifecycle.wants('attempt')) {
      const { responseBody: _body, startedAt, ...rest } = attempt
      const nextAttemptAt = next.state === 'pending' ? new Date(next.dueAt) : null
      const told = { ...rest, startedAt: new Date(startedAt) }
      lifecycle.emit('attempt', { ...newsOf(lease, type), attempt: told, nextAttemptAt })
    }
    if (next.state === 'pending') {
      this.#pendingFrom(next.dueAt)
      return
    }
    const { state, reason } = next
    if (!lifecycle.wants(`delivery.${state}`)) return
    const news = newsOf(lease, type)
    if (state === 'delivered') lifecycle.emit('delivery.delivered', { ...news, attempts })
    else if (state === 'failed') lifecycle.emit('delivery.failed', { ...news, attempts, reason })
    else lifecycle.emit('delivery.canceled', { ...news, reason })
  }

  /** Judges each endpoint whose failures were just written; one that can not be judged does not keep the others from it. */
  async #judgeAll(results: Result[], { health }: SettleResult): Promise<void> {
    for (const observed of health) {
      const own = results.filter((result) => result.lease.endpointId === observed.endpointId)
      await this.#judge(observed, own).catch((error) => this.#context.lifecycle.fail(error, 'judging an endpoint'))
    }
  }

  /** Disables or warns. Only the winner of the guarded update tells. */
  async #judge(observed: SettleResult['health'][number], own: Result[]): Promise<void> {
    const { endpointId, state, health, urlVersion } = observed
    const tenant = own[0]?.lease.tenant
    if (tenant === undefined || state === 'disabled') return
    const { recoveredAt, failingSince, failures } = health
    const gone = own.find(({ settlement }) => settlement.attempt.outcome === 'gone')
    if (gone !== undefined) {
      return this.#disable(endpointId, tenant, 'gone', { urlVersion: gone.urlVersion, recoveredAt })
    }
    // Failures at an old URL tell nothing of the new one.
    if (!own.some((result) => result.urlVersion === urlVersion)) return
    const { clock, settings, lifecycle } = this.#context
    const judged = judgeEndpoint({ health, endpointId, tenant, policy: settings.disable, now: clock.now() })
    if (judged.decideError !== undefined) lifecycle.fail(judged.decideError, 'disable.decide failed; the rule was kept')
    if (judged.verdict === 'disable') {
      await this.#disable(endpointId, tenant, judged.reason, { urlVersion, recoveredAt })
    } else if (judged.verdict === 'warn' && failingSince !== null) {
      await this.#warn(endpointId, tenant, failingSince, failures)
    }
  }

  async #disable(id: string, tenant: string, reason: DisableReason, guard: StateChange['guard']): Promise<void> {
    const { storage, clock, endpoints, lifecycle } = this.#context
    const change: Omit<StateChange, 'now'> = { id, tenant, from: ['active', 'paused'], to: 'disabled', reason, guard }
    const disabled = await this.#patiently(() => storage.changeEndpointState({ ...change, now: clock.now() }))
    if (disabled === null) return
    lifecycle.emit('endpoint.disabled', { endpointId: id, tenant, reason })
    await this.#patiently(() => endpoints.changed(tenant))
  }

  async #warn(id: string, tenant: string, failingSince: number, failures: number): Promise<void> {
    const { storage, lifecycle } = this.#context
    const first = await this.#patiently(() => storage.markWarned({ id, failingSince }))
    if (first) {
      lifecycle.emit('endpoint.failing', { endpointId: id, tenant, failingSince: new Date(failingSince), failures })
    }
  }
}

function newsOf({ deliveryId, eventId, endpointId, tenant }: Lease, type: string): DeliveryNews {
  return { deliveryId, eventId, endpointId, tenant, type }
}
