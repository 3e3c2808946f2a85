import { readFileSync } from 'node:fs'

const EVERY_MS = 5
/** Of the main thread: nanoseconds on a processor, nanoseconds waiting for one, turns. */
const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`

/**
 * Measures how long something takes by what this process does itself: the time in which it could have run, had others of the
 * machine not had their turn, is left out where the system tells it.
 */
export function stopwatch(): () => number {
  const began = performance.now()
  const queuedBefore = queuedMs()
  return () => performance.now() - began - (queuedMs() - queuedBefore)
}

const LONG_MS = 100

/** How long the event loop was held up at most, and how often for long. */
export class LoopProbe {
  longestMs = 0
  long = 0
  #timer: NodeJS.Timeout | null = null

  start(): void {
    this.longestMs = 0
    this.long = 0
    if (this.#timer !== null) clearInterval(this.#timer)
    let elapsed = stopwatch()
    this.#timer = setInterval(() => {
      const heldUpMs = elapsed() - EVERY_MS
      this.longestMs = Math.max(this.longestMs, heldUpMs)
      if (heldUpMs > LONG_MS) this.long += 1
      elapsed = stopwatch()
    }, EVERY_MS)
    this.#timer.unref()
  }
}

function queuedMs(): number {
  try {
    return Number(readFileSync(SCHEDSTAT, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
