import { WebhookError } from '../errors.ts'
import type { AttemptRecord } from '../model/attempt.ts'
import type { Lease } from '../model/delivery.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { EventContent } from '../model/event.ts'
import type { PreparedEvent } from '../pipeline/send.ts'
import type { Timer } from '../ports/clock.ts'
import { type Accepted, Acceptor, fastWorkerOf } from './acceptor.ts'
import type { Advance } from './advance.ts'
import { type AttemptPorts, AttemptRunner, type Work } from './attempt-runner.ts'
import type { EngineContext } from './context.ts'
import { FanOutWorker } from './fan-out-worker.ts'
import { ReplayWorker } from './replay-worker.ts'
import { withRetries } from './resilient-storage.ts'
import { Scheduler } from './scheduler.ts'
import { Settler } from './settler.ts'
import { Upkeep } from './upkeep.ts'
import { Waker } from './waker.ts'

/** The parts of the engine together, and the only loop of the delivery path. */

/** No attempt starts while the oldest unsettled result is older than this: results must not pile up in memory. */
const UNSETTLED_MAX_MS = 5_000
/** How soon to look again when something is due that has no room, and no permit came free, or when looking has failed. */
const BLOCKED_RETRY_MS = 250
/** Fan-out, replays and upkeep have so long each before claims have their turn: large ones must not hold up the others. */
const TURN_MS = 25
/** Storage is looked at for the sake of hints at most this often. */
const HINT_EVERY_MS = 50
/** How long results may still be written at the end of `stop`. */
const LAST_SETTLE_MS = 5_000

type Phase = 'accepting' | 'delivering' | 'stopping' | 'stopped'

export interface Dependencies {
  context: EngineContext
  ports: AttemptPorts
}

export class Engine {
  readonly #context: EngineContext
  readonly #acceptor: Acceptor
  readonly #settler: Settler
  readonly #runner: AttemptRunner
  readonly #scheduler: Scheduler
  readonly #fanOut: FanOutWorker
  readonly #replays: ReplayWorker
  readonly #upkeep: Upkeep
  readonly #waker: Waker
  readonly #givingBack = new Set<Promise<void>>()
  #phase: Phase = 'accepting'
  #draining: Promise<unknown> | null = null
  #loop: Promise<void> | null = null
  /** When to look again for everything that is not a due delivery. */
  #pollAt = Number.NEGATIVE_INFINITY
  #replayAt = Number.POSITIVE_INFINITY
  #polledAt = Number.NEGATIVE_INFINITY
  #endHints: (() => void) | null = null

  constructor({ context, ports }: Dependencies) {
    this.#context = context
    this.#waker = new Waker(context.clock)
    const open = () => this.#mayWork
    const pendingFrom = (dueAt: number) => this.#pendingFrom(dueAt)
    const begin = (work: Work) => this.#runner.begin(work)
    const giveBack = (lease: Lease) => this.#giveBack(lease, context.worker)
    this.#settler = new Settler(context, pendingFrom)
    this.#runner = new AttemptRunner(context, this.#settler, ports)
    this.#scheduler = new Scheduler(context, { begin, giveBack, open: () => this.#mayWork && !this.#overdue })
    this.#fanOut = new FanOutWorker(context, pendingFrom, open)
    this.#replays = new ReplayWorker(context, pendingFrom, open)
    this.#upkeep = new Upkeep(context, this.#settler, open, (lease) => this.#runner.holds(lease))
    this.#acceptor = new Acceptor(context, {
      open: () => this.started,
      begin,
      giveBack: (lease) => this.#giveBack(lease, fastWorkerOf(context.worker)),
      pendingFrom,
      fastRoom: () => this.#fastRoom(),
      fanOutWaiting: () => this.wake(),
    })
  }

  get started(): boolean {
    return this.#phase === 'delivering'
  }

  get inFlight(): number {
    return this.#runner.inFlight
  }

  accept(prepared: PreparedEvent): Promise<Accepted> {
    return this.#acceptor.accept(prepared)
  }

  /** One attempt that belongs to no delivery, whatever state its endpoint is in. Throws `busy`, `stopped`. */
  async test(event: EventContent, endpoint: EndpointRecord): Promise<AttemptRecord> {
    if (this.#phase === 'accepting' || this.#phase === 'delivering') return this.#runner.test(event, endpoint)
    throw new WebhookError('stopped', 'the sender is being stopped: create another one.')
  }

  /** A permit came free, or rate permits came in. */
  roomCame(): void {
    if (this.#scheduler.waiting) this.#waker.wake()
  }

  /** There may be work of any kind that storage was not asked for yet. */
  wake(): void {
    this.#pollAt = Number.NEGATIVE_INFINITY
    this.#waker.wake()
  }

  /** Others may have written work, or be about to: to be looked for soon, however many hints there are. */
  expectWork(): void {
    const { clock } = this.#context
    const now = clock.monotonic()
    this.#pollAt = Math.min(this.#pollAt, Math.max(now, this.#polledAt + HINT_EVERY_MS))
    this.#waker.wakeAt(clock.now() + Math.max(0, this.#pollAt - now))
  }

  /** An endpoint was deleted: its pending deliveries are to be canceled. */
  sweepSoon(): void {
    this.#upkeep.sweepSoon()
    this.wake()
  }

  start(): void {
    if (this.#phase !== 'accepting' || this.#loop !== null) return
    const { storage, lifecycle, worker } = this.#context
    this.#endHints = storage.onWork?.(() => this.expectWork()) ?? null
    lifecycle.note('sender.started', { worker })
    if (this.#draining === null) {
      this.#loop = this.#deliver()
      return
    }
    // The drain under way ends first: two loops would take each other's wakes, and neither would notice.
    this.#loop = this.#draining.then(
      () => this.#deliver(),
      () => this.#deliver(),
    )
    this.#waker.wake()
  }

  /** Stops claiming, waits for what is in flight, aborts it when the grace is over, settles. */
  async stop(graceMs: number): Promise<void> {
    if (this.#phase === 'stopping' || this.#phase === 'stopped') return
    this.#phase = 'stopping'
    this.#endHints?.()
    this.#waker.rouse()
    const { clock, lifecycle, worker } = this.#context
    let last: Timer | null = null
    const grace = clock.after(graceMs, () => {
      this.#runner.abort()
      last = clock.after(LAST_SETTLE_MS, () => this.#settler.giveUp())
    })
    await this.#loop
    await this.idle()
    await this.#runner.tested()
    grace.cancel()
    ;(last as Timer | null)?.cancel()
    this.#phase = 'stopped'
    if (this.#loop !== null) lifecycle.note('sender.stopped', { worker })
  }

  /** Resolves when nothing is in flight, and all that follows from what was is written. */
  async idle(): Promise<void> {
    await this.#runner.idle()
    await this.#settler.judged()
    await Promise.all(this.#givingBack)
  }

  get #mayWork(): boolean {
    return this.#phase === 'delivering' || (this.#draining !== null && this.#phase === 'accepting')
  }

  /** Whether a drain is to end: `stop` or `start` was called. */
  get #ending(): boolean {
    return this.#phase !== 'accepting' || this.#loop !== null
  }

  get #overdue(): boolean {
    return this.#settler.oldestMs > UNSETTLED_MAX_MS
  }

  /** While any backlog exists, half of the free room is kept for claims. */
  #fastRoom(): number {
    if (this.#phase !== 'delivering' || this.#overdue || !this.#context.clock.certain) return 0
    const { free } = this.#context.permits
    return this.#scheduler.backlog ? Math.floor(free / 2) : free
  }

  #pendingFrom(dueAt: number): void {
    if (dueAt <= this.#context.clock.now()) {
      this.#scheduler.noteBacklog()
      this.#waker.wake()
    } else {
      this.#waker.wakeAt(dueAt)
    }
  }

  #giveBack(lease: Lease, worker: string): void {
    const { storage, clock, lifecycle } = this.#context
    const done = withRetries(
      () => storage.releaseLeases({ now: clock.now(), worker, leases: [lease] }),
      this.#context,
      () => this.#phase !== 'stopped',
    )
      // A lease that could not be given back runs out.
      .catch((error) => lifecycle.fail(error, 'giving back a lease'))
      .finally(() => {
        this.#givingBack.delete(done)
        this.#pendingFrom(clock.now())
      })
    this.#givingBack.add(done)
  }

  async #deliver(): Promise<void> {
    if (this.#phase !== 'accepting') return
    this.#phase = 'delivering'
    while (this.#phase === 'delivering') {
      try {
        const next = await this.#pass()
        if (this.#phase === 'delivering') await this.#waker.until(next)
      } catch (error) {
        if (this.#phase !== 'delivering') return
        this.#context.lifecycle.fail(error, 'looking for work')
        // The permits that the failed pass gave back are wakes: obeyed, they would make the loop spin.
        await this.#waker.rest(BLOCKED_RETRY_MS)
      }
    }
  }

  /** Does what is to be done now. Returns when to come again. */
  async #pass(): Promise<number> {
    const { clock } = this.#context
    await this.#knowTheTime()
    if (clock.monotonic() >= this.#pollAt) await this.#poll()
    else if (clock.now() >= this.#replayAt) await this.#replay()
    await this.#scheduler.pass()
    const dueAt = await this.#nextDueAt()
    const now = clock.now()
    const pollAt = now + Math.max(0, this.#pollAt - clock.monotonic())
    // What fell due since the scheduler looked is not blocked: it is looked at again at once.
    const soonest = this.#scheduler.leftDue(dueAt) ? now + BLOCKED_RETRY_MS : (dueAt ?? pollAt)
    return Math.min(pollAt, soonest, this.#replayAt)
  }

  /** Storage's clock is read in passing, and waited for only where it is not known well enough to judge leases by. */
  async #knowTheTime(): Promise<void> {
    const { clock } = this.#context
    const reading = clock.keepUp()
    if (!clock.certain) await reading
    else reading.catch(() => {})
    if (clock.certain) return
    const message = 'storage takes too long to tell its time: nothing is claimed until it answers within seconds.'
    throw new WebhookError('storage_unavailable', message, { retryable: true })
  }

  async #poll(): Promise<void> {
    const { clock, settings } = this.#context
    this.#polledAt = clock.monotonic()
    this.#pollAt = this.#polledAt + settings.pollMs
    await this.#upkeep.reclaim()
    const fanOutAt = await this.#fanOut.pass(clock.monotonic() + TURN_MS)
    await this.#replay()
    const sweeps = await this.#upkeep.sweep(clock.monotonic() + TURN_MS)
    const againIn = sweeps ? 0 : Math.max(0, (fanOutAt ?? Number.POSITIVE_INFINITY) - clock.now())
    this.#pollAt = Math.min(this.#pollAt, clock.monotonic() + againIn)
  }

  async #replay(): Promise<void> {
    const until = this.#context.clock.monotonic() + TURN_MS
    // When storage can not tell of them, the next look is that of the next poll: claims are not to wait for it.
    this.#replayAt = Number.POSITIVE_INFINITY
    this.#replayAt = (await this.#replays.pass(until)) ?? Number.POSITIVE_INFINITY
  }

  #nextDueAt(): Promise<number | null> {
    return withRetries(
      () => this.#context.storage.nextDueAt(),
      this.#context,
      () => this.#mayWork,
    )
  }

  /**
   * Everything that is due, and that falls due meanwhile, until nothing is due, a bound is reached or the sender is started. For
   * one that was not: this loop takes the place of the other.
   */
  async drain(bounds: DrainBounds): Promise<{ attempts: number; nextDueAt: number | null }> {
    if (this.#draining !== null)
      throw new WebhookError('already_started', 'another drain of this sender is under way: wait for it.')
    const draining = this.#drain(bounds)
    this.#draining = draining.finally(async () => {
      await this.idle()
      this.#draining = null
    })
    await this.#draining
    return draining
  }

  async #drain({
    until,
    budgetMs,
    limit,
    advance,
  }: DrainBounds): Promise<{ attempts: number; nextDueAt: number | null }> {
    const { clock } = this.#context
    const ends = clock.monotonic() + budgetMs
    let attempts = 0
    for (;;) {
      const { begun, dueAt, moreAt } = await advance.through(this.#round())
      attempts += begun
      const nextDueAt = sooner(dueAt, moreAt)
      if (attempts >= limit || clock.monotonic() >= ends || this.#ending) return { attempts, nextDueAt }
      if (begun > 0 && dueAt !== null && dueAt <= clock.now()) continue
      if (nextDueAt === null || nextDueAt > until) return { attempts, nextDueAt }
      const moment = Math.max(nextDueAt, clock.now() + 1)
      // What falls due after the budget's end is not waited for.
      if (moment - clock.now() >= ends - clock.monotonic()) return { attempts, nextDueAt }
      await advance.to(moment, () => this.#waker.until(moment))
    }
  }

  /** What a drain does in one moment: everything that is due, until it has ended. */
  async #round(): Promise<{ begun: number; dueAt: number | null; moreAt: number | null }> {
    await this.#context.permits.settled()
    await this.#knowTheTime()
    await this.#upkeep.reclaim()
    const fanOutAt = await this.#fanOut.pass()
    const moreAt = sooner(fanOutAt, await this.#replays.pass())
    const begun = await this.#scheduler.pass()
    await this.idle()
    await this.#upkeep.sweep()
    return { begun, dueAt: await this.#nextDueAt(), moreAt }
  }
}

/** Null is never. */
function sooner(one: number | null, other: number | null): number | null {
  return one === null ? other : Math.min(one, other ?? one)
}

export interface DrainBounds {
  /** What falls due up to this moment is waited for. */
  until: number
  budgetMs: number
  /** Attempts at most; a round that is under way is finished. */
  limit: number
  advance: Advance
}
