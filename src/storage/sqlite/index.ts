/**
 * Storage in one SQLite file, by better-sqlite3: the default.
 *
 * @module
 */

import type { TransactionalStorage } from '../../ports/storage.ts'
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
import type { SqliteTransaction } from './host-handle.ts'
import { insertBackfill } from './insert-backfill.ts'
import { eventInserter } from './insert-event-in.ts'
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
import { IN_MEMORY, type SqliteOptions, settingsOf } from './options.ts'
import { pendingFanOuts } from './pending-fan-outs.ts'
import { prune } from './prune.ts'
import { releaseLeases } from './release-leases.ts'
import { replayProgress } from './replay-progress.ts'
import { runningReplays } from './running-replays.ts'
import { createSession } from './session.ts'
import { settle } from './settle.ts'
import { stats } from './stats.ts'
import { stepReplay } from './step-replay.ts'
import { updateEndpoint } from './update-endpoint.ts'

export type { Statement } from './driver.ts'
export type { HostStatement, SqliteTransaction } from './host-handle.ts'
export type { SqliteOptions } from './options.ts'

/** A `Storage` in one SQLite file, which takes part in the host's own better-sqlite3 transactions. */
export interface SqliteStorage extends TransactionalStorage<SqliteTransaction, 'sync'> {
  readonly name: 'sqlite'
}

/** Keeps everything in one SQLite file, by better-sqlite3, which is loaded by `open`. Several processes may share the file. */
export function sqlite(options: SqliteOptions): SqliteStorage {
  const settings = settingsOf(options)
  const { open, close, reading, writing, onWork, warn } = createSession(settings)
  const inFile = settings.path !== IN_MEMORY
  return {
    name: 'sqlite',
    supports: { durable: inFile, multiProcess: inFile, transactions: inFile, workHints: inFile },
    transactionMode: 'sync',

    open,
    close,
    // Nobody else writes to a storage in memory.
    ...(inFile ? { onWork } : {}),

    insertEvents: writing(insertEvents),
    insertEventIn: eventInserter(settings, warn),
    pendingFanOuts: reading(pendingFanOuts),
    insertSlice: writing(insertSlice),

    dueLanes: reading(dueLanes),
    claimDue: writing(claimDue),
    releaseLeases: writing(releaseLeases),
    expiredLeases: reading(expiredLeases),
    nextDueAt: () => reading(nextDueAt)(undefined),

    settle: writing(settle),

    createReplay: writing(createReplay),
    stepReplay: writing(stepReplay),
    cancelReplay: writing(cancelReplay),
    getReplay: reading(getReplay),
    listReplays: reading(listReplays),
    runningReplays: reading(runningReplays),
    replayProgress: reading(replayProgress),
    countAtRest: reading(countAtRest),
    missedEvents: reading(missedEvents),
    insertBackfill: writing(insertBackfill),

    createEndpoint: writing(createEndpoint),
    getEndpoint: reading(getEndpoint),
    listEndpoints: reading(listEndpoints),
    updateEndpoint: writing(updateEndpoint),
    changeEndpointState: writing(changeEndpointState),
    markWarned: writing(markWarned),
    deleteEndpoint: writing(deleteEndpoint),
    endpointChanges: reading(endpointChanges),

    getEvent: reading(getEvent),
    listEvents: reading(listEvents),
    eventProgress: reading(eventProgress),
    getDelivery: reading(getDelivery),
    deliveriesOf: reading(deliveriesOf),
    listDeliveries: reading(listDeliveries),
    listAttempts: reading(listAttempts),

    cancelEvent: writing(cancelEvent),
    cancelHeld: writing(cancelHeld),
    prune: writing(prune),
    stats: reading(stats),
  }
}
