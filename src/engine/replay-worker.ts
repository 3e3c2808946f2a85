import type { ReplayRecord } from '../model/replay.ts'
import { holding, isMissed } from '../pipeline/backfill.ts'
import { afterStep, type Pace, replayAllowance } from '../pipeline/replay.ts'
import type { MissedEvent } from '../ports/storage.ts'
import type { EngineContext } from './context.ts'
import { hostTurn } from './host-turn.ts'
import { type Patiently, patiently } from './resilient-storage.ts'
import { Setbacks } from './setbacks.ts'

/** Step 7: any started process requeues the deliveries of running replays, and makes those of backfills, page by page. */

/** Slow ones stay for days: were they fewer, a handful of them would keep all later ones from being seen. */
const REPLAYS_A_ROUND = 1_000
const REQUEUE_MAX = 250
/** A backfill inserts rows, where a replay only changes them: as many as keep a transaction below 10 ms. */
const BACKFILL_MAX = 100
const EXAMINE_MAX = 2_000

export class ReplayWorker {
  readonly #context: EngineContext
  readonly #pendingFrom: (dueAt: number) => void
  readonly #open: () => boolean
  readonly #patiently: Patiently
  readonly #setbacks: Setbacks
  /** Of the running replays that have a rate. */
  readonly #paces = new Map<string, Pace>()
  #stepped = ''

  constructor(context: EngineContext, pendingFrom: (dueAt: number) => void, open: () => boolean) {
    this.#context = context
    this.#pendingFrom = pendingFrom
    this.#open = open
    this.#patiently = patiently(context, open)
    this.#setbacks = new Setbacks(context.clock)
  }

  /**
   * Steps every running replay as far as its rate allows, or until this moment of the monotonic clock. Returns when to come
   * again; null: no replay is running.
   */
  async pass(until: number = Number.POSITIVE_INFINITY): Promise<number | null> {
    const { storage, clock } = this.#context
    while (this.#open()) {
      const limit = this.#setbacks.limit(REPLAYS_A_ROUND)
      const running = await this.#patiently(() => storage.runningReplays({ limit }))
      this.#keep(new Set(running.map(({ id }) => id)))
      if (running.length === 0) return null
      let next = Number.POSITIVE_INFINITY
      for (const replay of this.#inTurn(running)) {
        next = Math.min(next, await this.#try(replay))
        if (clock.monotonic() >= until) return clock.now()
      }
      if (next > clock.now()) return next
      await hostTurn()
    }
    return null
  }

  /** Begins behind the one stepped last: a large one must not have all the turns. */
  #inTurn(running: readonly ReplayRecord[]): ReplayRecord[] {
    const next = running.findIndex(({ id }) => id === this.#stepped) + 1
    return [...running.slice(next), ...running.slice(0, next)]
  }

  /** Forgets those that do not run any more, whoever ended them. */
  #keep(running: ReadonlySet<string>): void {
    this.#setbacks.keep(running)
    for (const id of this.#paces.keys()) if (!running.has(id)) this.#paces.delete(id)
  }

  /** One that can not be stepped keeps neither the others nor the rest of the loop from going on. Returns when to come again. */
  async #try(replay: ReplayRecord): Promise<number> {
    const { clock, lifecycle } = this.#context
    const waitMs = this.#setbacks.waitMs(replay.id)
    if (waitMs > 0) return clock.now() + waitMs
    try {
      return await this.#step(replay)
    } catch (error) {
      if (!this.#open()) throw error
      lifecycle.fail(error, 'stepping a replay')
      return clock.now() + this.#setbacks.add(replay.id)
    }
  }

  /** When the replay may be stepped again. */
  async #step(replay: ReplayRecord): Promise<number> {
    const { clock, lifecycle } = this.#context
    const now = clock.now()
    const seen = this.#paces.get(replay.id) ?? null
    const limitMax = replay.kind === 'replay' ? REQUEUE_MAX : BACKFILL_MAX
    const { limit, nextAt, pace } = replayAllowance({ replay, seen, now, limitMax })
    if (pace !== null) this.#paces.set(replay.id, pace)
    if (limit === 0) return nextAt
    this.#stepped = replay.id
    const after = await (replay.kind === 'replay'
      ? this.#requeue(replay, limit, now)
      : this.#backfill(replay, limit, now))
    this.#setbacks.end(replay.id)
    if (after === null) return now
    const { id, kind, requeued, skipped } = after
    const brought = requeued > replay.requeued
    if (brought) this.#pendingFrom(now)
    // Else another process has completed it, and tells.
    if (after.state === 'completed' && after.endedAt === now) {
      lifecycle.emit('replay.completed', { replayId: id, kind, requeued, skipped })
    }
    // A step that only passed over rows uses nothing of the rate.
    return brought && pace !== null ? afterStep(replay.perSecond ?? 0, pace, requeued, limitMax) : now
  }

  #requeue(replay: ReplayRecord, limit: number, now: number): Promise<ReplayRecord | null> {
    const step = { replayId: replay.id, now, limit, examine: EXAMINE_MAX }
    return this.#patiently(() => this.#context.storage.stepReplay(step))
  }

  async #backfill({ id, selection, cursor, bound }: ReplayRecord, limit: number, now: number) {
    const { storage } = this.#context
    const endpointId = selection.endpointId ?? ''
    const endpoint = await this.#patiently(() => storage.getEndpoint({ id: endpointId, tenant: null }))
    const wanted = (event: MissedEvent) => endpoint !== null && isMissed(event, endpoint)
    const look = (most: number) => {
      const query = { selection, after: cursor, bound, limit: most, examine: EXAMINE_MAX }
      return this.#patiently(() => storage.missedEvents(query))
    }
    let missed = await look(REQUEUE_MAX)
    const most = holding(missed.events.map(wanted), limit)
    // The rate allows less than was found: the cursor is to stand behind the last that it allows.
    if (most < missed.events.length) missed = await look(most)
    const eventIds = missed.events.filter(wanted).map((event) => event.id)
    const input = { replayId: id, now, from: cursor, to: missed.next, eventIds }
    return this.#patiently(() => storage.insertBackfill(input))
  }
}
