import type { Storage } from '../../ports/storage.ts'
import { cancelEvent } from './cancel-event.ts'
import { cancelHeld } from './cancel-held.ts'
import { cancelReplay } from './cancel-replay.ts'
import { changeEndpointState } from './change-endpoint-state.ts'
import { claimDue } from './claim-due.ts'
import { countAtRest } from './count-at-rest.ts'
import { createEndpoint } from './create-endpoint.ts'
import { createReplay } from './create-replay.ts'
import { deleteEndpoint } from './delete-endpoint.ts'
import { deliveriesOf } from './deliveries-of.ts'
import { dueLanes } from './due-lanes.ts'
import { endpointChanges } from './endpoint-changes.ts'
import { eventProgress } from './event-progress.ts'
import { expiredLeases } from './expired-leases.ts'
import { getDelivery } from './get-delivery.ts'
import { getEndpoint } from './get-endpoint.ts'
import { getEvent } from './get-event.ts'
import { getReplay } from './get-replay.ts'
import { insertBackfill } from './insert-backfill.ts'
import { insertEvents } from './insert-events.ts'
import { insertSlice } from './insert-slice.ts'
import { listAttempts } from './list-attempts.ts'
import { listDeliveries } from './list-deliveries.ts'
import { listEndpoints } from './list-endpoints.ts'
import { listEvents } from './list-events.ts'
import { listReplays } from './list-replays.ts'
import { markWarned } from './mark-warned.ts'
import { missedEvents } from './missed-events.ts'
import { nextDueAt } from './next-due-at.ts'
import { pendingFanOuts } from './pending-fan-outs.ts'
import { prune } from './prune.ts'
import { releaseLeases } from './release-leases.ts'
import { replayProgress } from './replay-progress.ts'
import { runningReplays } from './running-replays.ts'
import { settle } from './settle.ts'
import { stats } from './stats.ts'
import { stepReplay } from './step-replay.ts'
import type { Tables } from './tables.ts'
import { updateEndpoint } from './update-endpoint.ts'

/** A `Storage` that keeps everything in this process. */
export interface MemoryStorage extends Storage {
  readonly name: 'memory'
}

/** Each operation runs without a pause, which makes it atomic. */
export function operationsOn(tables: Tables): MemoryStorage {
  return {
    name: 'memory',
    supports: { durable: false, multiProcess: false, transactions: false, workHints: false },
    open: async () => ({ version: 1 }),
    close: async () => {},

    insertEvents: async (input) => insertEvents(tables, input),
    pendingFanOuts: async (input) => pendingFanOuts(tables, input),
    insertSlice: async (input) => insertSlice(tables, input),

    dueLanes: async (input) => dueLanes(tables, input),
    claimDue: async (input) => claimDue(tables, input),
    releaseLeases: async (input) => releaseLeases(tables, input),
    expiredLeases: async (input) => expiredLeases(tables, input),
    nextDueAt: async () => nextDueAt(tables),

    settle: async (input) => settle(tables, input),

    createReplay: async (input) => createReplay(tables, input),
    stepReplay: async (input) => stepReplay(tables, input),
    cancelReplay: async (input) => cancelReplay(tables, input),
    getReplay: async (id) => getReplay(tables, id),
    listReplays: async (query) => listReplays(tables, query),
    runningReplays: async (input) => runningReplays(tables, input),
    replayProgress: async (id) => replayProgress(tables, id),
    countAtRest: async (input) => countAtRest(tables, input),
    missedEvents: async (query) => missedEvents(tables, query),
    insertBackfill: async (input) => insertBackfill(tables, input),

    createEndpoint: async (input) => createEndpoint(tables, input),
    getEndpoint: async (input) => getEndpoint(tables, input),
    listEndpoints: async (query) => listEndpoints(tables, query),
    updateEndpoint: async (input) => updateEndpoint(tables, input),
    changeEndpointState: async (input) => changeEndpointState(tables, input),
    markWarned: async (input) => markWarned(tables, input),
    deleteEndpoint: async (input) => deleteEndpoint(tables, input),
    endpointChanges: async (input) => endpointChanges(tables, input),

    getEvent: async (input) => getEvent(tables, input),
    listEvents: async (query) => listEvents(tables, query),
    eventProgress: async (input) => eventProgress(tables, input),
    getDelivery: async (input) => getDelivery(tables, input),
    deliveriesOf: async (input) => deliveriesOf(tables, input),
    listDeliveries: async (query) => listDeliveries(tables, query),
    listAttempts: async (query) => listAttempts(tables, query),

    cancelEvent: async (input) => cancelEvent(tables, input),
    cancelHeld: async (input) => cancelHeld(tables, input),
    prune: async (input) => prune(tables, input),
    stats: async (input) => stats(tables, input),
  }
}
