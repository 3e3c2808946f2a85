import { DELIVERY_STATES, type DeliveryState } from '../../model/delivery.ts'

/**
 * Pending, behind another delivery of its ordering key: no claim sees it. Outwardly it is pending, so that it has no name of
 * its own.
 */
export const WAITING = DELIVERY_STATES.length

/** A delivery's state as stored: its place in `DELIVERY_STATES`. Partial indexes need it spelled out in SQL. */
export function stateNumber(state: DeliveryState): number {
  return DELIVERY_STATES.indexOf(state)
}

export function stateOf(number: number): DeliveryState {
  if (number === WAITING) return 'pending'
  const state = DELIVERY_STATES[number]
  if (state === undefined) throw new RangeError(`no delivery state ${number}`)
  return state
}

/** One bit for each number under which deliveries of these states are stored. */
export function maskOf(states: readonly DeliveryState[]): number {
  const waiting = states.includes('pending') ? 1 << WAITING : 0
  return states.reduce((bits, state) => bits | (1 << stateNumber(state)), waiting)
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

const asNumber = (text: string) => Number(text)
const asBoolean = (text: string) => text === 't'
/** Not a view of a shared pool: hands out what the model says. */
const asBytes = (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))
const asText = (text: string) => text

const PARSERS = new Map<number, (text: string) => unknown>([
  [16, asBoolean],
  [17, asBytes],
  // bigint, smallint, integer, double precision, numeric: all that is kept in them is exact as a number.
  [20, asNumber],
  [21, asNumber],
  [23, asNumber],
  [701, asNumber],
  [1700, asNumber],
])

/** How columns are read, whatever the host has told pg to do with its own. */
export const TYPES = {
  getTypeParser: (oid: number): ((text: never) => unknown) => PARSERS.get(oid) ?? asText,
}
