import type { Page, PageInput, Position } from 'hookferry/storage'
import { key, type Range, under } from './keys.ts'

interface PageOf<Row, T> {
  placeOf: (row: Row) => Position
  matches: (row: Row) => boolean
  record: (row: Row) => T
}

/** Looks at rows one by one, until the page is full or has looked at as many as it may. `next` is the row examined last. */
export function pageOf<Row, T>(
  rows: Iterable<Row>,
  { limit, examine }: PageInput,
  { placeOf, matches, record }: PageOf<Row, T>,
): Page<T> {
  const items: T[] = []
  let next: Position | null = null
  let examined = 0
  for (const row of rows) {
    if (items.length >= limit || examined >= examine) return { items, next }
    examined += 1
    next = placeOf(row)
    if (matches(row)) items.push(record(row))
  }
  return { items, next: null }
}

interface Bounds {
  /** Inclusive. */
  since?: number | null | undefined
  /** Exclusive. */
  until?: number | null | undefined
}

/** Along an index that goes on with a moment and an integer key: what is below `after`, within these bounds. */
export function rangeDown(index: string[], { after, since, until }: Bounds & { after: Position | null }): Range {
  const { from, to } = bounded(index, { since, until })
  const end = after === null ? null : key(...index, after.at, after.key)
  return { from, to: end !== null && end < to ? end : to }
}

/** What is above `after`. */
export function rangeUp(index: string[], { after, since, until }: Bounds & { after: Position | null }): Range {
  const { from, to } = bounded(index, { since, until })
  const start = after === null ? null : key(...index, after.at, after.key + 1)
  return { from: start !== null && start > from ? start : from, to }
}

function bounded(index: string[], { since, until }: Bounds): Range {
  const { from, to } = under(...index)
  return { from: since == null ? from : key(...index, since), to: until == null ? to : key(...index, until) }
}
