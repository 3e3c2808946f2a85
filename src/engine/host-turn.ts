/** Ends this turn of the event loop: what the host has to do comes in between. */
export function hostTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
