import type { Row } from './ledger.ts'
import type { Arrival } from './node-messages.ts'

/** What one customer saw of one ordering key, in the order in which it came. */
export interface Turns {
  path: string
  key: string
  arrivals: Arrival[]
}

export function turnsOf(arrivals: readonly Arrival[]): Turns[] {
  const turns = new Map<string, Turns>()
  for (const arrival of arrivals) {
    const { path, key } = arrival
    if (key === null) continue
    const own = turns.get(`${path} ${key}`)
    if (own === undefined) turns.set(`${path} ${key}`, { path, key, arrivals: [arrival] })
    else own.arrivals.push(arrival)
  }
  return [...turns.values()]
}

/** The numbers of the events that were taken, each where it was taken first. */
export function firstTaken({ arrivals }: Turns): number[] {
  return [...new Set(arrivals.filter(({ status }) => status === 200).map(({ n }) => n))]
}

export const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > numbers[index - 1]!)

/**
 * Requests that came before an earlier event of their key had ended: it had neither been taken nor did it end failed, or a request
 * of it came even later.
 */
export function outOfTurn(turns: Turns, rows: ReadonlyMap<string, Row>): string[] {
  const { path, arrivals } = turns
  const firstTakenAt = new Map<number, number>()
  const lastAt = new Map<number, number>()
  for (const [index, { n, status }] of arrivals.entries()) {
    if (status === 200 && !firstTakenAt.has(n)) firstTakenAt.set(n, index)
    lastAt.set(n, index)
  }
  const failed = new Set(arrivals.filter(({ id }) => rows.get(`${id} ${path}`)?.state === 'failed').map(({ n }) => n))
  const hasEnded = (n: number, index: number) =>
    (failed.has(n) || (firstTakenAt.get(n) ?? Number.POSITIVE_INFINITY) < index) && (lastAt.get(n) ?? -1) < index
  return arrivals.flatMap(({ n, id }, index) => {
    const early = Array.from({ length: n }, (_, before) => before).filter((before) => !hasEnded(before, index))
    return early.length === 0 ? [] : [`${id} at ${path} came before ${early.join()} had ended`]
  })
}

export interface Latency {
  p50: number
  p95: number
  max: number
}

/** From the call of `send` to the arrival, milliseconds. */
export function latencyOf(arrivals: readonly Arrival[], sentAt: ReadonlyMap<string, number>): Latency {
  const all = arrivals.map(({ id, at }) => at - (sentAt.get(id) ?? Number.NaN)).sort((a, b) => a - b)
  const quantile = (share: number) => all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN
  return { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1) }
}
