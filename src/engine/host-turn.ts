/** As they are when this is loaded: fake timers of a test runner, installed later, would never let anything go on. */
const { setImmediate, setTimeout } = globalThis

/** Ends this turn of the event loop: what the host has to do comes in between. */
export function hostTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** The same for what takes some turns, and yields by timers of the machine. */
export function hostTurns(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 2)
  })
}
