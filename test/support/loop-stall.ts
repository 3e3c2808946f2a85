import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOKS = 5

/**
 * How long `work` holds up the event loop at a time, in ms: the least of a few looks, as the collector of garbage and the neighbours
 * on the machine hold it up in some of them, and we ourselves in all. The first that stays under `bound` is enough.
 */
export async function stallOf(bound: number, work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  let stall = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS && stall >= bound; look++) {
    delay.reset()
    delay.enable()
    try {
      // What comes before its first tick and after its last one is not seen.
      await sleep(20)
      await work()
      await sleep(20)
    } finally {
      delay.disable()
    }
    stall = Math.min(stall, delay.max / 1e6)
  }
  return stall
}
