/** What every measurement uses: the payload, the closed loop, the middle of several runs. */

/** About 1 KiB of body with its envelope. */
export const DATA = { invoice: 'inv_1', text: 'x'.repeat(900) }
export const BODY = JSON.stringify({ type: 'invoice.paid', timestamp: new Date(0).toISOString(), data: DATA })

/** Runs `count` calls, `inFlight` at a time. Resolves to calls a second. */
export async function closedLoop(count: number, inFlight: number, call: () => Promise<unknown>): Promise<number> {
  let left = count
  const began = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) await call()
    }),
  )
  return count / ((performance.now() - began) / 1_000)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
