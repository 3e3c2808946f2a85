import { list, oneOf, plainObject } from '../arguments.ts'
import { REPLAY_STATES, type ReplayRecord, type ReplayState } from '../model/replay.ts'
import type { Core } from './core.ts'
import { type Listed, listed, type PageOptions, pageInput } from './cursor.ts'
import {
  cancelRun,
  presentReplay,
  presentRun,
  type ReplayRun,
  type ReplaySummary,
  replayNotFound,
} from './replay-run.ts'
import { type ALL_TENANTS, checkId, type Scope, tenantFilterOf } from './scope.ts'

/** Which replays. All that is given holds together. */
export interface ReplayFilter extends PageOptions {
  /** Default `'default'`. A replay over all tenants is found by `ALL_TENANTS` alone. */
  tenant?: string | typeof ALL_TENANTS
  /** Those in this state, or in one of these. Left out: in any. */
  state?: ReplayState | ReplayState[]
}

/** Replays and backfills, kept for as long as failed deliveries are. */
export interface Replays {
  /** With what became of its deliveries. Null: not found, or removed by retention. */
  get(id: string): Promise<ReplayRun | null>
  /** Newest first, without what became of their deliveries: that has to be counted, and `get` does it. */
  list(filter?: ReplayFilter): Promise<Listed<ReplaySummary>>
  /**
   * Brings nothing further; what was brought is delivered all the same. One that has ended stays as it ended.
   * Throws `replay_not_found`.
   */
  cancel(id: string): Promise<ReplayRun>
}

export function replaysApi(core: Core, scope: Scope): Replays {
  const find = async (id: string): Promise<ReplayRecord | null> => {
    const record = await core.ask((storage) => storage.getReplay(id))
    return record !== null && (scope.bound === null || record.tenant === scope.bound) ? record : null
  }
  return {
    async get(value) {
      const record = await find(checkId(value, 'replays.get.id'))
      return record === null ? null : presentRun(core, record)
    },
    async list(filter = {}) {
      const input = plainObject(filter, 'replays.list', ['tenant', 'state', 'limit', 'cursor'])
      const tenant = tenantFilterOf(input, 'replays.list', scope)
      const states = input.state === undefined ? null : statesOf(input.state, 'replays.list.state')
      const page = pageInput(input, 'replays.list', 'replays', [tenant, states])
      const found = await core.ask((storage) => storage.listReplays({ tenant, states, ...page }))
      return listed(found, 'replays', [tenant, states], presentReplay)
    },
    async cancel(value) {
      const id = checkId(value, 'replays.cancel.id')
      if ((await find(id)) === null) throw replayNotFound(id)
      return cancelRun(core, id)
    },
  }
}

function statesOf(value: unknown, path: string): ReplayState[] {
  const states = Array.isArray(value) ? value : [value]
  return list(states, path, { min: 1, max: REPLAY_STATES.length }, (state, at) => oneOf(state, at, REPLAY_STATES))
}
