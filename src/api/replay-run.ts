import { WebhookError } from '../errors.ts'
import type { DeliveryState } from '../model/delivery.ts'
import type { ReplayKind, ReplayRecord, ReplayState, Selection } from '../model/replay.ts'
import type { ReplayProgressCounts } from '../ports/storage.ts'
import type { Core } from './core.ts'
import { ALL_TENANTS } from './scope.ts'
import { Alarm, checkWait, type WaitOptions, waitFor } from './waiting.ts'

/** A replay or a backfill, as users see it. */

/** What was selected, in the form in which it can be given again. */
export interface ReplaySelection {
  /** The tenant; `ALL_TENANTS`: every one. */
  tenant: string | typeof ALL_TENANTS
  /** Left out: any endpoint. */
  endpointId?: string
  /** Left out: any event. */
  eventId?: string
  /** Left out: any type. */
  type?: string
  /** Left out: any state at rest. */
  state?: DeliveryState[]
  /** Created at or after; of a backfill, accepted. */
  since?: Date
  /** Created before; of a backfill, accepted. */
  until?: Date
  /** Left out: any delivery. */
  ids?: string[]
}

/** What is known of a replay without counting: what lists return. */
export interface ReplaySummary {
  /** `rpl_…`. */
  id: string
  /** `replay`: deliveries begin another round. `backfill`: an endpoint gets deliveries of events that it never had. */
  kind: ReplayKind
  /** What it visits. */
  selection: ReplaySelection
  /** Null: as fast as storage takes them. */
  perSecond: number | null
  /** `running` until everything selected was visited. */
  state: ReplayState
  /** Deliveries at rest, or events of a backfill, that matched when it was created. */
  total: number
  /** Deliveries that it has brought: requeued, or made by a backfill. */
  requeued: number
  /** Visited, but no longer at rest by then; of a backfill, gone, canceled or had by then. */
  skipped: number
  /** When it was created: what was written later is no part of it. */
  createdAt: Date
  /** When everything selected had been visited, or it was canceled; null while it runs. */
  endedAt: Date | null
}

/** The figures of a replay, with what became of its deliveries. */
export interface ReplayProgress extends Pick<ReplaySummary, 'state' | 'total' | 'requeued' | 'skipped'> {
  /** Of those that it has brought: delivered since. */
  delivered: number
  /** Failed, or failed again. */
  failed: number
  /** Canceled: their event, or their endpoint's hold was over, or it was deleted. */
  canceled: number
}

/** One replay or backfill. Its figures are those of the moment at which it was returned; `progress` and `wait` follow it. */
export interface ReplayRun extends ReplaySummary, ReplayProgress {
  /**
   * Figures again and again, four times a second, until every delivery that it has brought rests. Ends also when it is canceled, and
   * when the sender has stopped.
   */
  progress(): AsyncIterable<ReplayProgress>
  /**
   * Resolves when it has ended and every delivery that it has brought rests. Throws `timed_out` (retryable), `stopped`,
   * `replay_not_found`, and the signal's reason.
   */
  wait(options?: WaitOptions): Promise<ReplayRun>
  /** Brings nothing further; what was brought is delivered all the same. */
  cancel(): Promise<ReplayRun>
}

const LOOK_EVERY_MS = 250

interface Seen {
  record: ReplayRecord
  counts: ReplayProgressCounts
}

export async function presentRun(core: Core, record: ReplayRecord): Promise<ReplayRun> {
  const { id } = record
  const counts = await countsOf(core, id)
  return {
    ...presentReplay(record),
    ...progressOf({ record, counts }),
    progress: () => ({ [Symbol.asyncIterator]: () => follow(core, id) }),
    async wait(options = {}) {
      const look = async () => {
        const seen = await seenNow(core, id)
        return isOver(seen) ? presentRun(core, seen.record) : undefined
      }
      return waitFor(core, checkWait(options, 'wait'), { look })
    },
    cancel: () => cancelRun(core, id),
  }
}

export function presentReplay(record: ReplayRecord): ReplaySummary {
  const { id, kind, selection, perSecond, state, total, requeued, skipped, createdAt, endedAt } = record
  return {
    id,
    kind,
    selection: presentSelection(selection),
    perSecond,
    state,
    total,
    requeued,
    skipped,
    createdAt: new Date(createdAt),
    endedAt: endedAt === null ? null : new Date(endedAt),
  }
}

/** Throws `replay_not_found`. */
export async function cancelRun(core: Core, id: string): Promise<ReplayRun> {
  const canceled = await core.ask((storage) => storage.cancelReplay({ id, now: core.clock.now() }))
  if (canceled === null) throw replayNotFound(id)
  const { kind, tenant, state } = canceled
  if (state === 'canceled') core.lifecycle.note('replay.canceled', { replayId: id, kind, tenant })
  return presentRun(core, canceled)
}

export function replayNotFound(id: string): WebhookError {
  const message = `there is no replay ${id} here: retention may have removed it, or it is another tenant's. Take the id from replays.list.`
  return new WebhookError('replay_not_found', message)
}

function presentSelection({ tenant, states, since, until, ...selection }: Selection): ReplaySelection {
  return {
    tenant: tenant ?? ALL_TENANTS,
    ...selection,
    ...(states && { state: [...states] }),
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
  }
}

const countsOf = (core: Core, id: string) => core.ask((storage) => storage.replayProgress(id))

async function seenNow(core: Core, id: string): Promise<Seen> {
  const record = await core.ask((storage) => storage.getReplay(id))
  if (record === null) throw replayNotFound(id)
  return { record, counts: await countsOf(core, id) }
}

const isOver = ({ record, counts }: Seen) => record.state !== 'running' && counts.open === 0

function progressOf({ record, counts }: Seen): ReplayProgress {
  const { state, total, requeued, skipped } = record
  const { delivered, failed, canceled } = counts
  return { state, total, requeued, skipped, delivered, failed, canceled }
}

/** `return()` ends it at once, even while it sleeps. */
function follow(core: Core, id: string): AsyncIterator<ReplayProgress, undefined> {
  const alarm = new Alarm()
  let left = false
  const figures = figuresOf(core, id, alarm, () => left || core.closed.aborted)
  return {
    next: () => figures.next(),
    return() {
      left = true
      alarm.ring()
      return figures.return(undefined)
    },
  }
}

async function* figuresOf(
  core: Core,
  id: string,
  alarm: Alarm,
  isLeft: () => boolean,
): AsyncGenerator<ReplayProgress, undefined> {
  const ring = () => alarm.ring()
  let seen = await seenNow(core, id)
  core.closed.addEventListener('abort', ring)
  try {
    for (;;) {
      yield progressOf(seen)
      if (isOver(seen) || seen.record.state === 'canceled' || isLeft()) return
      await alarm.sleep(core.clock, LOOK_EVERY_MS)
      if (isLeft()) return
      seen = await seenNow(core, id)
    }
  } catch (error) {
    // The sender has stopped between two questions to storage.
    if (!isLeft()) throw error
  } finally {
    core.closed.removeEventListener('abort', ring)
  }
}
