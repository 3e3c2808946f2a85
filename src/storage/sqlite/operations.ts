import { cancelEvent } from './cancel-event.ts'
import { cancelHeld } from './cancel-held.ts'
import { cancelReplay } from './cancel-replay.ts'
import { changeEndpointState } from './change-endpoint-state.ts'
import { claimDue } from './claim-due.ts'
import type { Connection } from './connection.ts'
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
import { updateEndpoint } from './update-endpoint.ts'

/** What the storage does, by the name of its method: what runs in another thread is called by name. */

/** These see one state of the database. */
const READS = {
  pendingFanOuts,
  dueLanes,
  expiredLeases,
  nextDueAt,
  getReplay,
  listReplays,
  runningReplays,
  replayProgress,
  countAtRest,
  missedEvents,
  getEndpoint,
  listEndpoints,
  endpointChanges,
  getEvent,
  listEvents,
  eventProgress,
  getDelivery,
  deliveriesOf,
  listDeliveries,
  listAttempts,
  stats,
}

/** These take the lock for writing. */
const WRITES = {
  insertEvents,
  insertSlice,
  claimDue,
  releaseLeases,
  settle,
  createReplay,
  stepReplay,
  cancelReplay,
  insertBackfill,
  createEndpoint,
  updateEndpoint,
  changeEndpointState,
  markWarned,
  deleteEndpoint,
  cancelEvent,
  cancelHeld,
  prune,
}

type Operations = typeof READS & typeof WRITES
export type OperationName = keyof Operations

/** The operations as methods: without the connection, and with a promise. */
export type Methods = {
  [Name in OperationName]: Operations[Name] extends (db: Connection, input: infer Input) => infer Output
    ? (input: Input) => Promise<Output>
    : never
}

const BY_NAME: Record<string, (db: Connection, input: never) => unknown> = { ...READS, ...WRITES }

/** All of it in one transaction. */
export function perform(db: Connection, name: OperationName, input: unknown): unknown {
  const operation = BY_NAME[name] as (db: Connection, input: unknown) => unknown
  const work = () => operation(db, input)
  return name in WRITES ? db.write(work) : db.read(work)
}

/** Each operation as a method that `call` carries out. */
export function methodsBy(call: (name: OperationName, input: unknown) => Promise<unknown>): Methods {
  const names = Object.keys(BY_NAME) as OperationName[]
  return Object.fromEntries(names.map((name) => [name, (input: unknown) => call(name, input)])) as unknown as Methods
}
