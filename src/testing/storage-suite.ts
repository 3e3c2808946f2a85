import type { StorageSupports } from '../ports/storage.ts'
import { accept } from './storage-suite/accept.ts'
import { atomicity } from './storage-suite/atomicity.ts'
import { backfilling } from './storage-suite/backfill.ts'
import { backfillDue } from './storage-suite/backfill-due.ts'
import type { Behaviour } from './storage-suite/behaviour.ts'
import { withBench } from './storage-suite/bench.ts'
import { cancelingEvents } from './storage-suite/cancel-event.ts'
import { cancelingLeased } from './storage-suite/cancel-event-leased.ts'
import { cancelingInOrder } from './storage-suite/cancel-event-order.ts'
import { cancelingHeld } from './storage-suite/cancel-held.ts'
import { claiming } from './storage-suite/claim.ts'
import { concurrency } from './storage-suite/concurrency.ts'
import { deferral } from './storage-suite/defer.ts'
import { disableGuard } from './storage-suite/disable-guard.ts'
import { doubtfulRepeat } from './storage-suite/doubtful-repeat.ts'
import { durability } from './storage-suite/durability.ts'
import { endpoints } from './storage-suite/endpoints.ts'
import { eventProgress } from './storage-suite/event-progress.ts'
import { fairness } from './storage-suite/fairness.ts'
import { fanOutOrder } from './storage-suite/fan-out-order.ts'
import { fanOutSlices } from './storage-suite/fan-out-slices.ts'
import { fastLane } from './storage-suite/fast-lane.ts'
import { hold } from './storage-suite/hold.ts'
import type { StorageHome } from './storage-suite/home.ts'
import { idempotency } from './storage-suite/idempotency.ts'
import { leases } from './storage-suite/leases.ts'
import { lists } from './storage-suite/lists.ts'
import { missedEvents } from './storage-suite/missed-events.ts'
import { observations } from './storage-suite/observations.ts'
import { ordering } from './storage-suite/ordering.ts'
import { orderingAccept } from './storage-suite/ordering-accept.ts'
import { orderingUpkeep } from './storage-suite/ordering-upkeep.ts'
import { pruning } from './storage-suite/prune.ts'
import { replay } from './storage-suite/replay.ts'
import { replayLists } from './storage-suite/replay-lists.ts'
import { settling } from './storage-suite/settle.ts'
import { statistics } from './storage-suite/stats.ts'
import { throttle } from './storage-suite/throttle.ts'
import { transactions } from './storage-suite/transactions.ts'
import { openTransactions } from './storage-suite/transactions-open.ts'
import { twoInstances } from './storage-suite/two-instances.ts'
import { versions } from './storage-suite/versions.ts'
import { workHints } from './storage-suite/work-hints.ts'

export type { HostTransaction, StorageHome } from './storage-suite/home.ts'

/** In the order in which an event meets them. */
const BEHAVIOURS: readonly Behaviour[] = [
  ...endpoints,
  ...versions,
  ...accept,
  ...idempotency,
  ...doubtfulRepeat,
  ...transactions,
  ...openTransactions,
  ...fastLane,
  ...fanOutSlices,
  ...fanOutOrder,
  ...claiming,
  ...fairness,
  ...deferral,
  ...hold,
  ...throttle,
  ...leases,
  ...settling,
  ...observations,
  ...disableGuard,
  ...ordering,
  ...orderingAccept,
  ...orderingUpkeep,
  ...replay,
  ...replayLists,
  ...missedEvents,
  ...backfilling,
  ...backfillDue,
  ...lists,
  ...eventProgress,
  ...cancelingEvents,
  ...cancelingLeased,
  ...cancelingInOrder,
  ...cancelingHeld,
  ...pruning,
  ...statistics,
  ...atomicity,
  ...concurrency,
  ...durability,
  ...twoInstances,
  ...workHints,
]

/** What `storageSuite` takes. */
export interface StorageSuiteOptions {
  /** Called for each case. */
  create: () => StorageHome | Promise<StorageHome>
  /** What the adapter claims: cases are left out by this, and by nothing else. */
  supports: StorageSupports
}

/** One promise of the contract. */
export interface StorageCase {
  /** What is promised, in one sentence. */
  name: string
  /** Rejects with the promise that was broken. */
  run: () => Promise<void>
}

/**
 * The contract of a storage as cases for any test runner: `for (const { name, run } of storageSuite(…)) test(name, run)`.
 * An adapter that passes them all may stand under a sender.
 */
export function storageSuite({ create, supports }: StorageSuiteOptions): StorageCase[] {
  return BEHAVIOURS.filter(({ needs = [] }) => [needs].flat().every((need) => supports[need])).map(
    ({ name, check }) => ({
      name,
      run: async () => {
        const home = await create()
        try {
          await withBench(home, check)
        } finally {
          await home.destroy?.()
        }
      },
    }),
  )
}
