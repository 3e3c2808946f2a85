import { plainObject, required } from '../arguments.ts'
import { hostTurn } from '../engine/host-turn.ts'
import { ArgumentError } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { Selection } from '../model/replay.ts'
import { isMissed } from '../pipeline/backfill.ts'
import type { MissedEvents, Position } from '../ports/storage.ts'
import type { Core } from './core.ts'
import { checkSelection, type DeliverySelection } from './deliveries.ts'
import { notFound } from './endpoint-access.ts'
import { begin, checkReplayOptions, type ReplayOptions } from './replay.ts'
import type { ReplayRun } from './replay-run.ts'
import { checkId, type Scope } from './scope.ts'

/** Which events, by their acceptance, and for which endpoint. All that is given holds together. */
export interface BackfillSelection extends Pick<DeliverySelection, 'tenant' | 'eventId' | 'type'> {
  /** The endpoint that gets them. */
  endpointId: string
  /** Accepted at or after. */
  since?: Date | string
  /** Accepted before. */
  until?: Date | string
}

/**
 * Delivers what an endpoint never had: kept events of its tenant of which it has no delivery. Those that its patterns of now match,
 * and those that were addressed to it; a `type` narrows that, and widens nothing. Never canceled events, nor one before its
 * `deliverAt`. Goes on in the background, in any started process, and after a restart. What retention has removed counts as never
 * had: choose `since` within `retention.deliveredMs` for an endpoint that was there before. With `dryRun: true` it only counts, in
 * `total`, what would be delivered. Throws `endpoint_not_found`, `ArgumentError`.
 */
export type BackfillFunction = {
  (selection: BackfillSelection, options: ReplayOptions & { dryRun: true }): Promise<{ total: number }>
  (selection: BackfillSelection, options?: ReplayOptions & { dryRun?: false }): Promise<ReplayRun>
}

const SELECTION_KEYS = ['tenant', 'endpointId', 'eventId', 'type', 'since', 'until']
/** Events that one look returns, and looks at, at most. */
const LOOK_LIMIT = 500
const LOOK_EXAMINE = 2_000

export function backfillFunction(core: Core, scope: Scope): BackfillFunction {
  async function backfill(value: BackfillSelection, given: ReplayOptions = {}): Promise<unknown> {
    refuseDeliveryFields(value)
    const input = plainObject(value, 'backfill', SELECTION_KEYS)
    const options = checkReplayOptions(given, 'backfill.options')
    const id = checkId(required(input.endpointId, 'backfill.endpointId'), 'backfill.endpointId')
    const asked = checkSelection(input, 'backfill', scope)
    const endpoint = await core.ask((storage) => storage.getEndpoint({ id, tenant: asked.tenant ?? null }))
    if (endpoint === null) throw notFound(id)
    // Even when all tenants were given, it is of this one alone.
    const selection = { ...asked, tenant: endpoint.tenant }
    const total = await count(core, selection, endpoint)
    return options.dryRun
      ? { total }
      : begin(core, { kind: 'backfill', selection, total, perSecond: options.perSecond })
  }
  return backfill as BackfillFunction
}

function refuseDeliveryFields(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const field of ['state', 'ids']) {
    if (!(field in value)) continue
    const message = 'selects among deliveries, and a backfill is about events without one: leave it out, or use replay'
    throw new ArgumentError('argument_unknown', `backfill.${field}`, message)
  }
}

/** Look by look, so that none of them is long. */
async function count(core: Core, selection: Selection, endpoint: EndpointRecord): Promise<number> {
  let total = 0
  let after: Position | null = null
  do {
    const query = { selection, after, bound: null, limit: LOOK_LIMIT, examine: LOOK_EXAMINE }
    const look: MissedEvents = await core.ask((storage) => storage.missedEvents(query))
    total += look.events.filter((event) => isMissed(event, endpoint)).length
    after = look.next
    await hostTurn()
  } while (after !== null)
  return total
}
