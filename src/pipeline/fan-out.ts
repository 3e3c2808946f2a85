import { ArgumentError } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { EventRecord } from '../model/event.ts'
import type { FanOut, NewDelivery, SliceInput } from '../ports/storage-delivery-types.ts'

/**
 * Step 2: event × endpoints → deliveries.
 *
 * Patterns go by dot-delimited segments: `*` stands for exactly one, `**` at the end for one or more, anything else for itself.
 */

/** The longest pattern, in characters. */
const PATTERN_MAX = 128

/** Throws an `ArgumentError` when this is no pattern. */
export function assertPattern(pattern: string, path: string): void {
  const segments = pattern.split('.')
  if (pattern.length > PATTERN_MAX) {
    throw new ArgumentError(
      'argument_range',
      path,
      `must have at most ${PATTERN_MAX} characters, has ${pattern.length}`,
    )
  }
  if (segments.slice(0, -1).includes('**')) {
    throw new ArgumentError('argument_invalid', path, 'may have ** only as its last segment; * stands for one segment')
  }
  if (!segments.every((segment) => /^(?:[A-Za-z0-9_]+|\*\*?)$/.test(segment))) {
    const rule = 'must be segments of letters, digits and _, or * or ** as whole segments, with one dot between them'
    throw new ArgumentError('argument_invalid', path, rule)
  }
}

/** Whether an event type is among these patterns. Null: every type is. */
export function matches(patterns: readonly string[] | null, type: string): boolean {
  if (patterns === null) return true
  const segments = type.split('.')
  return patterns.some((pattern) => matchesSegments(pattern.split('.'), segments))
}

/** The same of one pattern and a type, both taken apart at their dots. */
export function matchesSegments(pattern: readonly string[], type: readonly string[]): boolean {
  const open = pattern.at(-1) === '**'
  if (open ? type.length < pattern.length : type.length !== pattern.length) return false
  const fixed = open ? pattern.slice(0, -1) : pattern
  return fixed.every((segment, index) => segment === '*' || segment === type[index])
}

/** The endpoints of one tenant, ready to be matched. */
export interface Matcher {
  /** Those that want this type, whatever their state, by ascending id. */
  match(type: string): readonly EndpointRecord[]
}

/** An endpoint and its place in the order of ids. */
interface Member {
  endpoint: EndpointRecord
  place: number
}

/** Endpoints that share one pattern, in order. */
interface Group {
  segments: string[]
  members: Member[]
}

/**
 * Indexes endpoints by their patterns. Matching costs one look-up, one test for each distinct wildcard pattern, and what is found:
 * not the number of endpoints.
 */
export function buildMatcher(endpoints: readonly EndpointRecord[]): Matcher {
  const sorted = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1))
  const literals = new Map<string, Group>()
  const wildcards = new Map<string, Group>()
  for (const [place, endpoint] of sorted.entries()) {
    const member = { endpoint, place }
    for (const pattern of new Set(endpoint.eventTypes ?? ['**'])) {
      const index = pattern.includes('*') ? wildcards : literals
      const group = index.get(pattern) ?? { segments: pattern.split('.'), members: [] }
      group.members.push(member)
      index.set(pattern, group)
    }
  }
  return {
    match(type) {
      const segments = type.split('.')
      const groups = [...wildcards.values()].filter((group) => matchesSegments(group.segments, segments))
      const literal = literals.get(type)
      if (literal !== undefined) groups.push(literal)
      return inOrder(groups)
    },
  }
}

/** Each endpoint once, by ascending id. One group alone is that already. */
function inOrder(groups: readonly Group[]): EndpointRecord[] {
  const [first] = groups
  if (first === undefined) return []
  if (groups.length === 1) return first.members.map(({ endpoint }) => endpoint)
  const members = new Set(groups.flatMap((group) => group.members))
  return [...members].sort((a, b) => a.place - b.place).map(({ endpoint }) => endpoint)
}

export interface FanOutInput {
  event: Pick<EventRecord, 'type' | 'deliverAt' | 'createdAt'>
  matched: readonly EndpointRecord[]
  /** Deliveries that are written with the event at most. */
  inlineMax: number
}

export interface FanOutPlan {
  fanOut: 'inline' | 'background'
  deliveries: NewDelivery[]
}

/** The deliveries to write with an event; none when there are too many, which are then written in slices. */
export function fanOut({ event, matched, inlineMax }: FanOutInput): FanOutPlan {
  if (matched.length > inlineMax) return { fanOut: 'background', deliveries: [] }
  const dueAt = Math.max(event.deliverAt, event.createdAt)
  return { fanOut: 'inline', deliveries: matched.map(({ id }) => ({ endpointId: id, dueAt, leaseUntil: null })) }
}

export interface SlicingInput {
  fanOut: FanOut
  /** All endpoints that match, or that were addressed, by ascending id. */
  matched: readonly EndpointRecord[]
  /** Deliveries in one slice at most, 1 or more. */
  size: number
  /** Epoch milliseconds. */
  now: number
}

/** The next slice of an event whose deliveries are still being written. Endpoints created after its acceptance get nothing. */
export function slice({ fanOut, matched, size, now }: SlicingInput): SliceInput {
  const { event, cursor, endpointsVersion } = fanOut
  const rest = matched.filter((endpoint) => endpoint.id > cursor && endpoint.createdVersion <= endpointsVersion)
  const taken = rest.slice(0, size)
  return {
    now,
    eventId: event.id,
    from: cursor,
    to: rest.length > size ? (taken.at(-1)?.id ?? null) : null,
    deliveries: taken.map(({ id }) => ({ endpointId: id, dueAt: event.deliverAt, leaseUntil: null })),
  }
}
