import { boolean, number, plainObject } from '../arguments.ts'
import { hostTurn } from '../engine/host-turn.ts'
import { ArgumentError } from '../errors.ts'
import { makeId } from '../model/ids.ts'
import type { ReplayKind, Selection } from '../model/replay.ts'
import type { Count, Position } from '../ports/storage.ts'
import type { Core } from './core.ts'
import { checkSelection, type DeliverySelection, SELECTION_KEYS } from './deliveries.ts'
import { presentRun, type ReplayRun } from './replay-run.ts'
import type { Scope } from './scope.ts'

/** How a replay or a backfill goes on. */
export interface ReplayOptions {
  /** Only count. Default false. */
  dryRun?: boolean
  /** Deliveries that it brings a second at most, 0.01 to 100,000. Default: as fast as storage takes them. */
  perSecond?: number
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

export function replayFunction(core: Core, scope: Scope): ReplayFunction {
  async function replay(value: DeliverySelection, given: ReplayOptions = {}): Promise<unknown> {
    const input = plainObject(value, 'replay', SELECTION_KEYS)
    const options = checkReplayOptions(given, 'replay.options')
    const selection = checkSelection(input, 'replay', scope)
    // What was left out as undefined selects nothing either: a missing id must never mean everything.
    if (Object.keys(selection).every((key) => key === 'tenant')) {
      throw new ArgumentError(
        'argument_missing',
        'replay',
        'selects nothing: give at least one of endpointId, eventId, type, state, since, until, ids',
      )
    }
    if (selection.states?.every((state) => state === 'pending' || state === 'leased')) {
      const message =
        'selects what is on its way by itself: a replay takes deliveries at rest, delivered, failed or canceled'
      throw new ArgumentError('argument_invalid', 'replay.state', message)
    }
    const total = await count(core, selection)
    return options.dryRun ? { total } : begin(core, { kind: 'replay', selection, total, perSecond: options.perSecond })
  }
  return replay as ReplayFunction
}

export function checkReplayOptions(value: unknown, path: string): { dryRun: boolean; perSecond: number | null } {
  const { dryRun, perSecond } = plainObject(value, path, ['dryRun', 'perSecond'])
  return {
    dryRun: dryRun === undefined ? false : boolean(dryRun, `${path}.dryRun`),
    perSecond: perSecond === undefined ? null : number(perSecond, `${path}.perSecond`, { min: 0.01, max: 100_000 }),
  }
}

interface Begun {
  kind: ReplayKind
  selection: Selection
  total: number
  perSecond: number | null
}

/** Writes it down: from then on any started process steps it. */
export async function begin(core: Core, begun: Begun): Promise<ReplayRun> {
  const now = core.clock.now()
  const id = makeId('rpl', now, (size) => core.random.bytes(size))
  const record = await core.ask((storage) => storage.createReplay({ id, now, ...begun }))
  const { engine } = await core.ready()
  core.lifecycle.note('replay.created', { replayId: id, kind: begun.kind, tenant: record.tenant, total: begun.total })
  engine.wake()
  return presentRun(core, record)
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
