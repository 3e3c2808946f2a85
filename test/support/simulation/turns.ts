/**
 * Knows when nothing waits for another turn of the event loop, so that the clock is moved only then and a run does not depend
 * on the machine's speed. Real timers of a few milliseconds (Bottleneck yields by them) become turns too.
 */
export interface Turns {
  /** Resolves when nothing waits any more but for the clock. False: it did not come to that. */
  quiet(): Promise<boolean>
  restore(): void
}

const SHORT_MS = 10
/** Work that goes on for so many turns while the clock stands still does not end. */
const TURNS_MAX = 20_000

export function takeTurns(): Turns {
  const { setImmediate: immediate, setTimeout: timeout } = globalThis
  let waiting = 0
  const soon = (fn: (...args: unknown[]) => void, ...args: unknown[]) => {
    waiting += 1
    return immediate(() => {
      waiting -= 1
      fn(...args)
    })
  }
  const later = (fn: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    ms <= SHORT_MS ? soon(fn, ...args) : timeout(() => fn(...args), ms)
  globalThis.setImmediate = Object.assign(soon, immediate) as unknown as typeof setImmediate
  globalThis.setTimeout = Object.assign(later, timeout) as unknown as typeof setTimeout
  const turn = () => new Promise<void>((resolve) => void immediate(resolve))
  return {
    async quiet() {
      let turns = 0
      do {
        await turn()
        turns += 1
        if (turns > TURNS_MAX) return false
      } while (waiting > 0)
      return true
    },
    restore() {
      globalThis.setImmediate = immediate
      globalThis.setTimeout = timeout
    },
  }
}
