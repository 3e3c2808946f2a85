import type { Page, PageInput, Position } from '../../ports/storage.ts'

interface PageOf<Row, T> {
  placeOf: (row: Row) => Position
  matches: (row: Row) => boolean
  record: (row: Row) => T
}

/** Looks at rows one by one, until the page is full or has looked at as many as it may. */
export function takePage<Row, T>(
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
