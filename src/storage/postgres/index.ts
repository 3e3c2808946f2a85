/**
 * Storage in Postgres, by pg, shared by any number of processes and machines.
 *
 * @module
 */

import type { InsertEventsInput, InsertResult, TransactionalStorage } from '../../ports/storage.ts'
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
import { withoutHeldKeys } from './held-keys.ts'
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
import { createHints } from './on-work.ts'
import { type PostgresOptions, settingsOf } from './options.ts'
import { pendingFanOuts } from './pending-fan-outs.ts'
import { prune } from './prune.ts'
import { releaseLeases } from './release-leases.ts'
import { replayProgress } from './replay-progress.ts'
import { runningReplays } from './running-replays.ts'
import { createSession } from './session.ts'
import { settle } from './settle.ts'
import { stats } from './stats.ts'
import { stepReplay } from './step-replay.ts'
import { readTime } from './time.ts'
import { insertInTransaction } from './transactions.ts'
import type { PostgresTransaction } from './tx-adapters.ts'
import { updateEndpoint } from './update-endpoint.ts'

export type { Notice, Notification, PgClient, PgPool, QueryConfig } from './driver.ts'
export type { PostgresNames, PostgresOptions } from './options.ts'
export * from './tx-adapters.ts'

/**
 * A `Storage` in Postgres, which takes part in the host's own transactions and is shared by any number of processes.
 */
export interface PostgresStorage extends TransactionalStorage<PostgresTransaction, 'async'> {
  readonly name: 'postgres'
}

/** Keeps everything in a Postgres database, by pg, which is loaded by `open`. Any number of processes may share it. */
export function postgres(options: PostgresOptions): PostgresStorage {
  const settings = settingsOf(options)
  const { open, close, ask, reading, writing } = createSession(settings)
  const hints = createHints(settings, ask)
  const { announcing } = hints
  return {
    name: 'postgres',
    supports: { durable: true, multiProcess: true, transactions: true, workHints: true },
    transactionMode: 'async',

    open,
    async close() {
      await hints.close()
      await close()
    },
    time: () => readTime(ask),
    onWork: hints.onWork,

    insertEvents: announcing(withoutHeldKeys(writing(insertEvents)), leftForOthers),
    async insertEventIn(tx, input) {
      const result = await insertInTransaction(settings, tx, input)
      if (result.status === 'inserted') hints.announceLater()
      return result
    },
    pendingFanOuts: reading(pendingFanOuts),
    insertSlice: announcing(writing(insertSlice), (written, { deliveries }) => written && deliveries.length > 0),

    dueLanes: reading(dueLanes),
    claimDue: writing(claimDue),
    releaseLeases: announcing(writing(releaseLeases), (_, { leases }) => leases.length > 0),
    expiredLeases: reading(expiredLeases),
    nextDueAt: () => reading(nextDueAt)(undefined),

    settle: writing(settle),

    createReplay: announcing(writing(createReplay), () => true),
    stepReplay: writing(stepReplay),
    cancelReplay: writing(cancelReplay),
    getReplay: reading(getReplay),
    listReplays: reading(listReplays),
    runningReplays: reading(runningReplays),
    replayProgress: reading(replayProgress),
    countAtRest: reading(countAtRest),
    missedEvents: reading(missedEvents),
    insertBackfill: announcing(writing(insertBackfill), (_, { eventIds }) => eventIds.length > 0),

    createEndpoint: writing(createEndpoint),
    getEndpoint: reading(getEndpoint),
    listEndpoints: reading(listEndpoints),
    updateEndpoint: writing(updateEndpoint),
    changeEndpointState: announcing(writing(changeEndpointState), (changed) => changed?.state === 'active'),
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

    cancelEvent: announcing(writing(cancelEvent), (canceled) => canceled !== null),
    cancelHeld: writing(cancelHeld),
    prune: writing(prune),
    stats: reading(stats),
  }
}

/** Deliveries that wait for a claim, or for their fan-out. */
function leftForOthers(results: InsertResult[], { events }: InsertEventsInput): boolean {
  return results.some(
    (result, index) => result.status === 'inserted' && (result.pending > 0 || events[index]?.fanOut === 'background'),
  )
}
