import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1

export interface Watched {
  seconds: number
  /** The longest turn of the event loop, in milliseconds; the millisecond of the probe itself is within it. */
  stallMs: number
  /** Resident memory: at the start, and the most that was seen. */
  rssBeforeMb: number
  rssMostMb: number
}

export function rssMb(): number {
  return process.memoryUsage.rss() / 2 ** 20
}

/** How long `work` takes, and what it does to the event loop and to memory. */
export async function watched(work: () => Promise<unknown>): Promise<Watched> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const rssBeforeMb = rssMb()
  let rssMostMb = rssBeforeMb
  const timer = setInterval(() => {
    rssMostMb = Math.max(rssMostMb, rssMb())
  }, 50)
  // Its first measurement begins with a timer of its own.
  await new Promise((resolve) => setTimeout(resolve, 10))
  delay.enable()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1_000
  await new Promise((resolve) => setTimeout(resolve, 2 * RESOLUTION_MS))
  delay.disable()
  clearInterval(timer)
  return { seconds, stallMs: delay.max / 1e6, rssBeforeMb, rssMostMb }
}
