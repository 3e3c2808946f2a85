import { DELIVERY_STATES, type DeliveryState } from '../../model/delivery.ts'

/** Pending, too, but behind another of its ordering key: it has no turn yet. */
export const WAITING = 5

/** A delivery's state as stored: its place in `DELIVERY_STATES`. Partial indexes need it spelled out in SQL. */
export function stateNumber(state: DeliveryState): number {
  return DELIVERY_STATES.indexOf(state)
}

/** What `states` are stored as, one bit each. */
export function statesMask(states: readonly DeliveryState[]): number {
  const mask = states.reduce((bits, state) => bits | (1 << stateNumber(state)), 0)
  return states.includes('pending') ? mask | (1 << WAITING) : mask
}

export function stateOf(number: number): DeliveryState {
  if (number === WAITING) return 'pending'
  const state = DELIVERY_STATES[number]
  if (state === undefined) throw new RangeError(`no delivery state ${number}`)
  return state
}

/** The states in which nothing more happens to a delivery, unless it is replayed. */
export const AT_REST: readonly DeliveryState[] = ['delivered', 'failed', 'canceled']

/** An empty object, the usual case, takes no room. */
export function textOf(object: object): string | null {
  for (const _ in object) return JSON.stringify(object)
  return null
}

export function objectOf<T extends object>(text: string | null): T {
  return (text === null ? {} : JSON.parse(text)) as T
}

/** The driver gives Buffers; hand out what the model says, over the same memory. */
export function bytesOf(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
