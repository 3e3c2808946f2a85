import { ArgumentError, type Storage, WebhookError } from 'hookferry/storage'
import { insertBackfill, missedEvents } from './backfills.ts'
import { cancelEvent } from './cancel.ts'
import { countAtRest, deliveriesOf, getDelivery, listAttempts, listDeliveries } from './delivery-lists.ts'
import { dueLanes, nextDueAt } from './due-lanes.ts'
import { endpointChanges, listEndpoints } from './endpoint-lists.ts'
import {
  changeEndpointState,
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  markWarned,
  updateEndpoint,
} from './endpoints.ts'
import { eventProgress, getEvent, listEvents } from './event-lists.ts'
import { insertSlice, pendingFanOuts } from './fan-outs.ts'
import { insertEvents } from './insert-events.ts'
import { key } from './keys.ts'
import { claimDue, expiredLeases, releaseLeases } from './leases.ts'
import {
  cancelReplay,
  createReplay,
  getReplay,
  listReplays,
  replayProgress,
  runningReplays,
  stepReplay,
} from './replays.ts'
import { settle } from './settle.ts'
import { Store, type Writer } from './store/store.ts'
import { cancelHeld, prune, stats } from './upkeep.ts'

/** Of the keys and rows. A change of either is another version, with a migration in `migrate`. */
const VERSION = 1

/**
 * Keeps everything in memory and in a file to which one process appends: durable, without a database. A complete example of a
 * storage, written from docs/adapters/writing-a-storage.md and the types of `hookferry/storage` alone. Its rows must fit into
 * memory, and its file grows until it is opened the next time.
 */
export function journalStorage({ path }: { path: string }): Storage {
  if (path === '') throw new ArgumentError('argument_range', 'journalStorage.path', 'is empty: name a file')
  const store = new Store(path)
  return {
    name: 'journal',
    supports: { durable: true, multiProcess: false, transactions: false, workHints: false },

    async open({ warn }) {
      const lostBytes = await store.open()
      if (lostBytes > 0)
        warn?.(`${path} ended in the middle of a write that nobody was told of: ${lostBytes} bytes are cut off`)
      await store.write(migrate).catch(async (error) => {
        await store.close()
        throw error
      })
      return { version: VERSION }
    },
    close: () => store.close(),

    insertEvents: (input) => store.write((db) => insertEvents(db, input)),
    pendingFanOuts: (input) => store.read((db) => pendingFanOuts(db, input)),
    insertSlice: (input) => store.write((db) => insertSlice(db, input)),

    dueLanes: (input) => store.read((db) => dueLanes(db, input)),
    claimDue: (input) => store.write((db) => claimDue(db, input)),
    releaseLeases: (input) => store.write((db) => releaseLeases(db, input)),
    expiredLeases: (input) => store.read((db) => expiredLeases(db, input)),
    nextDueAt: () => store.read(nextDueAt),

    settle: (input) => store.write((db) => settle(db, input)),

    createReplay: (input) => store.write((db) => createReplay(db, input)),
    stepReplay: (input) => store.write((db) => stepReplay(db, input)),
    cancelReplay: (input) => store.write((db) => cancelReplay(db, input)),
    getReplay: (id) => store.read((db) => getReplay(db, id)),
    listReplays: (query) => store.read((db) => listReplays(db, query)),
    runningReplays: (input) => store.read((db) => runningReplays(db, input)),
    replayProgress: (id) => store.read((db) => replayProgress(db, id)),
    countAtRest: (input) => store.read((db) => countAtRest(db, input)),
    missedEvents: (query) => store.read((db) => missedEvents(db, query)),
    insertBackfill: (input) => store.write((db) => insertBackfill(db, input)),

    createEndpoint: (input) => store.write((db) => createEndpoint(db, input)),
    getEndpoint: (input) => store.read((db) => getEndpoint(db, input)),
    listEndpoints: (query) => store.read((db) => listEndpoints(db, query)),
    updateEndpoint: (input) => store.write((db) => updateEndpoint(db, input)),
    changeEndpointState: (input) => store.write((db) => changeEndpointState(db, input)),
    markWarned: (input) => store.write((db) => markWarned(db, input)),
    deleteEndpoint: (input) => store.write((db) => deleteEndpoint(db, input)),
    endpointChanges: (input) => store.read((db) => endpointChanges(db, input)),

    getEvent: (input) => store.read((db) => getEvent(db, input)),
    listEvents: (query) => store.read((db) => listEvents(db, query)),
    eventProgress: (input) => store.read((db) => eventProgress(db, input)),
    getDelivery: (input) => store.read((db) => getDelivery(db, input)),
    deliveriesOf: (input) => store.read((db) => deliveriesOf(db, input)),
    listDeliveries: (query) => store.read((db) => listDeliveries(db, query)),
    listAttempts: (query) => store.read((db) => listAttempts(db, query)),

    cancelEvent: (input) => store.write((db) => cancelEvent(db, input)),
    cancelHeld: (input) => store.write((db) => cancelHeld(db, input)),
    prune: (input) => store.write((db) => prune(db, input)),
    stats: (input) => store.read((db) => stats(db, store.bytes, input)),
  }
}

/** A file of a later version is left as it is. */
function migrate(db: Writer): void {
  const found = Number(db.get(key('meta', 'version')) ?? 0)
  if (found > VERSION) {
    throw new WebhookError(
      'storage_version',
      `The journal is of version ${found}, this adapter of ${VERSION}: upgrade it.`,
    )
  }
  db.set(key('meta', 'version'), String(VERSION))
}
