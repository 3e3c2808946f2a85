import { type Clock, isManual, type ManualClock } from '../ports/clock.ts'
import { hostTurn } from './host-turn.ts'

/** How a drain passes time: a manual clock is moved on, a real one is waited for. */
export interface Advance {
  /** Resolves at that moment, epoch milliseconds. Where time can only be waited for, `sleep` does it: it can be woken. */
  to(moment: number, sleep: () => Promise<void>): Promise<void>
  /** Resolves when `work` does, letting time pass meanwhile. */
  through<T>(work: Promise<T>): Promise<T>
}

export function advanceOf(clock: Clock): Advance {
  if (isManual(clock)) return manual(clock)
  return { to: (_moment, sleep) => sleep(), through: (work) => work }
}

/** Turns of the event loop in which work that waits for no timer comes to its end. */
const QUIET_TURNS = 20

function manual(clock: ManualClock): Advance {
  return {
    async to(moment) {
      clock.advanceTo(moment)
      await hostTurn()
    },
    async through(work) {
      let done = false
      const end = () => {
        done = true
      }
      work.then(end, end)
      for (;;) {
        for (let turns = 0; turns < QUIET_TURNS && !done; turns++) await hostTurn()
        // Some of the packages used yield by real timers of 0 ms.
        if (!done) await new Promise((resolve) => setTimeout(resolve, 2))
        if (done) return work
        const next = clock.nextTimerAt()
        if (next !== null) clock.advanceTo(next)
      }
    },
  }
}
