import type { ReplayRecord } from '../model/replay.ts'
import { replayAllowance } from '../pipeline/replay.ts'
import type { EngineContext } from './context.ts'
import { hostTurn } from './host-turn.ts'
import { type Patiently, patiently } from './resilient-storage.ts'

/** Step 7: any started process requeues the deliveries of running replays, page by page. */

/** Slow ones stay for days: were they fewer, a handful of them would keep all later ones from being seen. */
const REPLAYS_A_ROUND = 1_000
const REQUEUE_MAX = 500
const EXAMINE_MAX = 2_000

export class ReplayWorker {
  readonly #context: EngineContext
  readonly #pendingFrom: (dueAt: number) => void
  readonly #open: () => boolean
  readonly #patiently: Patiently
  /** When this process last stepped a replay that has a rate. */
  readonly #steppedAt = new Map<string, number>()
  #stepped = ''

  constructor(context: EngineContext, pendingFrom: (dueAt: number) => void, open: () => boolean) {
    this.#context = context
    this.#pendingFrom = pendingFrom
    this.#open = open
    this.#patiently = patiently(context, open)
  }

  /**
   * Steps every running replay as far as its rate allows, or until this moment of the monotonic clock. Returns when to come
   * again; null: no replay is running.
   */
  async pass(until: number = Number.POSITIVE_INFINITY): Promise<number | null> {
    const { storage, clock } = this.#context
    while (this.#open()) {
      const running = await this.#patiently(() => storage.runningReplays({ limit: REPLAYS_A_ROUND }))
      if (running.length === 0) {
        this.#steppedAt.clear()
        return null
      }
      let next = Number.POSITIVE_INFINITY
      for (const replay of this.#inTurn(running)) {
        next = Math.min(next, await this.#step(replay))
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

  /** When the replay may be stepped again. */
  async #step(replay: ReplayRecord): Promise<number> {
    const { storage, clock, lifecycle } = this.#context
    const now = clock.now()
    const since = this.#steppedAt.get(replay.id) ?? null
    const { limit, nextAt } = replayAllowance({ replay, steppedAt: since, now, limitMax: REQUEUE_MAX })
    if (limit === 0) return nextAt
    this.#steppedAt.set(replay.id, now)
    this.#stepped = replay.id
    const step = { replayId: replay.id, now, limit, examine: EXAMINE_MAX }
    const after = await this.#patiently(() => storage.stepReplay(step))
    if (after === null) return now
    if (after.requeued > replay.requeued) this.#pendingFrom(now)
    if (after.state === 'completed') {
      this.#steppedAt.delete(replay.id)
      // Another process may have been first to see the end: then it has told.
      if (after.endedAt !== now) return nextAt
      lifecycle.emit('replay.completed', { replayId: after.id, requeued: after.requeued, skipped: after.skipped })
    }
    return nextAt
  }
}
