import { hostTurn } from '../engine/host-turn.ts'
import type { EventSummary } from '../model/event.ts'
import type { Core } from './core.ts'
import { eventNotFound } from './event-access.ts'
import type { Scope } from './scope.ts'

/** Deliveries that one transaction cancels: their rows may lie far apart, and these keep it around 10 ms on a disk. */
const SLICE = 100

/** Slice by slice, until none of its deliveries is left pending. Throws `event_not_found`. */
export async function cancelEvent(core: Core, scope: Scope, id: string): Promise<EventSummary> {
  let event: EventSummary | null = null
  for (;;) {
    const slice = { id, tenant: scope.bound, now: core.clock.now(), limit: SLICE }
    const canceled = await core.ask((storage) => storage.cancelEvent(slice))
    if (canceled === null) {
      // Retention may come between two slices.
      if (event === null) throw eventNotFound(id)
      break
    }
    event = canceled.event
    core.lifecycle.canceled(canceled.canceled)
    if (canceled.canceled.length < SLICE) break
    await hostTurn()
  }
  core.lifecycle.note('event.canceled', { eventId: id, tenant: event.tenant })
  // What waited behind them may be due.
  const { engine } = await core.ready()
  engine.wake()
  return event
}
