import type { Core } from './core.ts'

/** How the sender stands, for a dashboard or an alarm. */
export interface HealthReport {
  /** Since when the oldest delivery that may be attempted has been due; null: nothing is due. Growing: deliveries lag. */
  oldestDueAt: Date | null
  /** Deliveries waiting for an attempt, held ones too. Counted up to 100,000. */
  pending: number
  /** Of these, in lanes of paused, disabled or throttled endpoints. Counted up to 100,000. */
  held: number
  /** Attempts under way in this process; tests of endpoints are none. */
  inFlight: number
  /** `name`: which one it is. `version`: of its schema. `bytes`: the room that it takes; of memory storage, its bodies alone. */
  storage: { name: string; version: number; bytes: number }
}

const COUNT_MAX = 100_000

export async function health(core: Core): Promise<HealthReport> {
  const { engine, context, storageVersion } = await core.ready()
  const stats = await core.ask((storage) => storage.stats({ now: core.clock.now(), countMax: COUNT_MAX }))
  return {
    oldestDueAt: stats.oldestDueAt === null ? null : new Date(stats.oldestDueAt),
    pending: stats.pending,
    held: stats.held,
    inFlight: engine.inFlight,
    storage: { name: context.storage.name, version: storageVersion, bytes: stats.bytes },
  }
}
