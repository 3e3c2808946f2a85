import type { Core } from './core.ts'
import { eventProgress } from './event-access.ts'
import type { Scope } from './scope.ts'
import { type CheckedWait, waitFor } from './waiting.ts'

/** What became of an event: its deliveries by state. */
export interface EventOutcome {
  /** 0, since everything rests. */
  pending: number
  /** At endpoints that answered with a status of 200 to 299. */
  delivered: number
  /** At endpoints that were given up on. */
  failed: number
  /** Held for too long, or canceled by a person. */
  canceled: number
}

/** Resolves when all deliveries of the event are written and at rest. */
export async function waitForEvent(core: Core, scope: Scope, id: string, wait: CheckedWait): Promise<EventOutcome> {
  const { eventWaits } = core
  const waiting = eventWaits.begin(id)
  const look = async (): Promise<EventOutcome | undefined> => {
    waiting.looks()
    const { counts, fanningOut } = await eventProgress(core, scope, id)
    const { open, delivered, failed, canceled } = counts
    if (open === 0 && !fanningOut) return { pending: open, delivered, failed, canceled }
    waiting.saw(fanningOut ? Number.POSITIVE_INFINITY : open)
    return undefined
  }
  try {
    return await waitFor(core, wait, { look, leastMs: () => eventWaits.leastMs, alarm: waiting.alarm })
  } finally {
    eventWaits.end(id, waiting)
  }
}
