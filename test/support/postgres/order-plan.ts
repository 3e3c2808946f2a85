import { seededRandom } from 'hookferry/testing'
import type { Sequence } from './node-messages.ts'

export const KEYS = 200
export const EVENTS_PER_KEY = 20
/** Requests of an event that no customer takes: more than the schedule has. */
const NEVER = 99

/** Which endpoints an event of a type goes to. What they do is told by the first segment. */
export const ENDPOINTS_OF: Record<string, readonly string[]> = {
  'order.0': ['/rejects/a'],
  'order.1': ['/hangs/b'],
  'order.2': ['/refuses/c'],
  'order.3': ['/steady/d'],
  'order.4': ['/rejects/a', '/steady/d'],
  own: ['/steady/own'],
  probe: ['/steady/free', '/rejects/stuck', '/rests/control'],
  'stuck.rejects': ['/rejects/stuck'],
  'stuck.rests': ['/rests/control'],
}

/** Of the orders alone. */
export const ORDER_DELIVERIES = KEYS * EVENTS_PER_KEY * 1.2

/** Paths with the types that go there. */
export function subscriptions(): { path: string; eventTypes: string[] }[] {
  const paths = [...new Set(Object.values(ENDPOINTS_OF).flat())]
  const typesAt = (path: string) => Object.keys(ENDPOINTS_OF).filter((type) => ENDPOINTS_OF[type]?.includes(path))
  return paths.map((path) => ({ path, eventTypes: typesAt(path) }))
}

/** 200 keys with 20 events each, sent within some seconds; the same for the same seed. */
export function planOrders(seed: number): Sequence[] {
  const random = seededRandom(seed)
  const upTo = (max: number) => Math.floor(random.float() * max)
  return Array.from({ length: KEYS }, (_, k) => {
    const type = `order.${k % 5}`
    return {
      name: `k${k}`,
      key: `k${k}`,
      type,
      fails: Array.from({ length: EVENTS_PER_KEY }, (_, n) => failsOf(type, upTo, isNeverTaken(k, n))),
      pausesMs: Array.from({ length: EVENTS_PER_KEY }, () => upTo(500)),
    }
  })
}

/** Some keys have an event that ends failed: the next has its turn all the same. */
export function isNeverTaken(k: number, n: number): boolean {
  return k % 25 === 0 && n === 7
}

function failsOf(type: string, upTo: (max: number) => number, never: boolean): number {
  if (never) return NEVER
  // Each costs its deadline, and the endpoint all slots but one.
  if (type === 'order.1') return upTo(130) === 0 ? 1 : 0
  return upTo(6) === 0 ? 1 + upTo(2) : 0
}

/** Keys whose first event fails for long, and goes to one endpoint of three. */
export function planStuck(): Sequence[] {
  const stuck = (type: string, count: number, events: number) =>
    Array.from({ length: count }, (_, n): Sequence => {
      const name = `${type.replace('.', '_')}_${n}`
      const fails = Array.from({ length: events }, (_, event) => (event === 0 ? 2 : 0))
      return { name, key: name, type, fails, pausesMs: [] }
    })
  return [...stuck('stuck.rejects', STUCK_KEYS, 3), ...stuck('stuck.rests', 5, 2)]
}

export const STUCK_KEYS = 30

/** Events that never fail, with keys and without, at all three. */
export function planProbes(): Sequence[] {
  const probes = (name: string, key: string | null, count: number, pauseMs: number): Sequence => ({
    name,
    key,
    type: 'probe',
    fails: Array.from({ length: count }, () => 0),
    pausesMs: Array.from({ length: count }, () => pauseMs),
  })
  const keyed = Array.from({ length: 10 }, (_, n) => probes(`probe_${n}`, `probe_${n}`, 3, 200 + 10 * n))
  return [...keyed, probes('probe_free', null, 30, 20)]
}

export const PROBES = 60

/** A worker's death: once so many deliveries are done, and some milliseconds. */
export interface Death {
  worker: number
  afterDeliveries: number
  afterMs: number
}

/** Moments of the work, not of the clock, so that the machine's speed changes nothing. */
export function planDeaths(seed: number, kills: number, workers: number): Death[] {
  const random = seededRandom(seed + 1)
  const upTo = (max: number) => Math.floor(random.float() * max)
  const one = () => ({ worker: upTo(workers), afterDeliveries: upTo(ORDER_DELIVERIES * 0.9), afterMs: upTo(30) })
  return Array.from({ length: kills }, one).sort((a, b) => a.afterDeliveries - b.afterDeliveries)
}
