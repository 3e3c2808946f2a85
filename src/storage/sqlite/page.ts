import type { Page, PageInput, Position } from '../../ports/storage.ts'

/** A row that a page looks at: `matches` is 1 when it belongs to the answer. */
export interface Examined {
  key: number
  createdAt: number
  matches: number
}

/** Reads rows one by one, until the page is full or has looked at as many as it may. */
export function takePage<Row extends Examined, T>(
  rows: Iterable<Row>,
  { limit, examine }: PageInput,
  decode: (row: Row) => T,
): Page<T> {
  const items: T[] = []
  let next: Position | null = null
  let examined = 0
  for (const row of rows) {
    if (items.length === limit || examined === examine) return { items, next }
    examined++
    next = { at: row.createdAt, key: row.key }
    if (row.matches === 1) items.push(decode(row))
  }
  return { items, next: null }
}

/** Where a list from the oldest up begins: above the last position, and not before `since`. */
export function startUp(after: Position | null, since: number): Position {
  return after === null || after.at < since ? { at: since, key: 0 } : after
}

/** Where a list from the newest down begins: below the last position, and below `until`. */
export function startOf(after: Position | null, until: number | null | undefined): Position {
  const end: Position = { at: until ?? Number.MAX_SAFE_INTEGER, key: 0 }
  if (after === null) return end
  return after.at < end.at ? after : end
}
