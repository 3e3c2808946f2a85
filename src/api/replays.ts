import { boolean, integer, number, plainObject } from '../arguments.ts'
import { hostTurn } from '../engine/host-turn.ts'
import { sleep } from '../engine/resilient-storage.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import { makeId } from '../model/ids.ts'
import type { ReplayRecord, ReplayState, Selection } from '../model/replay.ts'
import type { Count, Position, ReplayProgressCounts } from '../ports/storage.ts'
import { type Core, pollUntil } from './core.ts'
import { checkSelection, type DeliverySelection, SELECTION_KEYS } from './deliveries.ts'
import { checkId, type Scope } from './scope.ts'

/** How a replay goes on. */
export interface ReplayOptions {
  /** Only count. Default false. */
  dryRun?: boolean
  /** Deliveries requeued a second at most, 0.01 to 100,000. Default: as fast as storage takes them. */
  perSecond?: number
}

/** The figures of a replay. */
export interface ReplayProgress {
  /** `running` until every selected delivery was visited, then `completed`; or `canceled`. */
  state: ReplayState
  /** Deliveries that matched, at rest, when the replay was created. */
  total: number
  /** Deliveries that began another round by it. */
  requeued: number
  /** Visited but not requeued: they were no longer at rest. */
  skipped: number
  /** Requeued and delivered since. */
  delivered: number
  /** Requeued and failed again. */
  failed: number
}

/** One replay. Its figures are those of the moment at which it was returned; `progress` and `wait` follow it. */
export interface ReplayRun extends ReplayProgress {
  /** `rpl_…`. */
  id: string
  /** When it was created: deliveries made later are no part of it. */
  createdAt: Date
  /** When every selected delivery had been visited, or it was canceled; null while it runs. */
  endedAt: Date | null
  /** Figures again and again, about four times a second, until every requeued delivery rests or the replay is canceled. */
  progress(): AsyncIterable<ReplayProgress>
  /** Resolves when every requeued delivery rests. Throws `timed_out` after `timeoutMs`, 1 ms to 1 day, default 1 min. */
  wait(options?: { timeoutMs?: number }): Promise<ReplayRun>
  /** Requeues nothing further; what was requeued is delivered all the same. */
  cancel(): Promise<ReplayRun>
}

/** The replays of before. */
export interface Replays {
  /** Null: not found. */
  get(id: string): Promise<ReplayRun | null>
}

/**
 * Delivers again: every selected delivery at rest begins another round, with the full schedule. Goes on in the background, in
 * any started process, and after a restart. A `state` left out selects every state at rest, delivered ones too. With `dryRun: true`
 * it only counts, in `total`, what would be delivered again. Throws `ArgumentError` for an empty selection.
 */
export type ReplayFunction = {
  (selection: DeliverySelection, options: ReplayOptions & { dryRun: true }): Promise<{ total: number }>
  (selection: DeliverySelection, options?: ReplayOptions & { dryRun?: false }): Promise<ReplayRun>
}

/** Deliveries that one look counts among. */
const COUNT_EXAMINE = 2_000
const PROGRESS_EVERY_MS = 250
const DAY = 86_400_000

export function replayFunction(core: Core, scope: Scope): ReplayFunction {
  async function replay(value: DeliverySelection, options: ReplayOptions = {}): Promise<unknown> {
    const input = plainObject(value, 'replay', SELECTION_KEYS)
    const { dryRun, perSecond } = plainObject(options, 'replay.options', ['dryRun', 'perSecond'])
    if (dryRun !== undefined) boolean(dryRun, 'replay.options.dryRun')
    const rate =
      perSecond === undefined ? null : number(perSecond, 'replay.options.perSecond', { min: 0.01, max: 100_000 })
    const selection = checkSelection(input, 'replay', scope)
    // What was left out as undefined selects nothing either: a missing id must never mean everything.
    if (Object.keys(selection).every((key) => key === 'tenant')) {
      throw new ArgumentError(
        'argument_missing',
        'replay',
        'selects nothing: give at least one of endpointId, eventId, type, state, since, until, ids',
      )
    }
    const total = await count(core, selection)
    if (dryRun === true) return { total }
    const now = core.clock.now()
    const id = makeId('rpl', now, (size) => core.random.bytes(size))
    const record = await core.ask((storage) =>
      storage.createReplay({ id, kind: 'replay', selection, perSecond: rate, total, now }),
    )
    const { engine } = await core.ready()
    core.lifecycle.note('replay.created', { replayId: id, tenant: record.tenant, total })
    engine.wake()
    return present(core, record)
  }
  return replay as ReplayFunction
}

export function replaysApi(core: Core, scope: Scope): Replays {
  return {
    async get(value) {
      const record = await find(core, checkId(value, 'replays.get.id'))
      if (record === null || (scope.bound !== null && record.tenant !== scope.bound)) return null
      return present(core, record)
    },
  }
}

/** Look by look, so that none of them is long. */
async function count(core: Core, selection: Selection): Promise<number> {
  let total = 0
  let after: Position | null = null
  do {
    const look: Count = await core.ask((storage) => storage.countAtRest({ selection, examine: COUNT_EXAMINE, after }))
    total += look.count
    after = look.next
    await hostTurn()
  } while (after !== null)
  return total
}

const find = (core: Core, id: string) => core.ask((storage) => storage.getReplay(id))

async function present(core: Core, record: ReplayRecord): Promise<ReplayRun> {
  const { id } = record
  const counts = await core.ask((storage) => storage.replayProgress(id))
  const look = async () => {
    const now = await find(core, id)
    if (now === null) throw new WebhookError('replay_not_found', `there is no replay ${id} any more.`)
    return { record: now, counts: await core.ask((storage) => storage.replayProgress(id)) }
  }
  return {
    id,
    ...progressOf(record, counts),
    createdAt: new Date(record.createdAt),
    endedAt: record.endedAt === null ? null : new Date(record.endedAt),
    async *progress() {
      for (;;) {
        const seen = await look()
        yield progressOf(seen.record, seen.counts)
        if (ended(seen.record, seen.counts) || core.stopped) return
        await sleep(core.clock, PROGRESS_EVERY_MS)
      }
    },
    async wait(options = {}) {
      const given = plainObject(options, 'wait', ['timeoutMs'])
      const timeoutMs =
        given.timeoutMs === undefined ? 60_000 : integer(given.timeoutMs, 'wait.timeoutMs', { min: 1, max: DAY })
      return pollUntil(core, timeoutMs, PROGRESS_EVERY_MS, async () => {
        const seen = await look()
        return ended(seen.record, seen.counts) ? present(core, seen.record) : undefined
      })
    },
    async cancel() {
      const canceled = await core.ask((storage) => storage.cancelReplay({ id, now: core.clock.now() }))
      if (canceled === null) throw new WebhookError('replay_not_found', `there is no replay ${id} any more.`)
      return present(core, canceled)
    },
  }
}

const ended = (record: ReplayRecord, counts: ReplayProgressCounts) => record.state !== 'running' && counts.open === 0

function progressOf(record: ReplayRecord, counts: ReplayProgressCounts): ReplayProgress {
  const { state, total, requeued, skipped } = record
  return { state, total, requeued, skipped, delivered: counts.delivered, failed: counts.failed }
}
