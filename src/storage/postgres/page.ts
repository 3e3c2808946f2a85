import type { Page, PageInput, Position } from '../../ports/storage.ts'

/** A row that a page looks at. */
export interface Examined {
  key: number
  createdAt: number
  matches: boolean
}

/** Rows that are read from below or above a position, a chunk at a time. */
export type ReadChunk<Row> = (from: Position, size: number) => Promise<Row[]>

const CHUNK_MAX = 1_000

/** As many rows as the page may need, then more where few of them match. */
export async function* inChunks<Row extends Examined>(
  from: Position,
  first: number,
  read: ReadChunk<Row>,
): AsyncGenerator<Row> {
  let position = from
  for (let size = first; ; size *= 4) {
    const count = Math.min(Math.max(size, 1), CHUNK_MAX)
    const rows = await read(position, count)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < count) return
    position = { at: last.createdAt, key: last.key }
  }
}

/** Reads rows one by one, until the page is full or has looked at as many as it may. */
export async function takePage<Row extends Examined, T>(
  rows: AsyncIterable<Row>,
  { limit, examine }: PageInput,
  decode: (row: Row) => T,
): Promise<Page<T>> {
  const items: T[] = []
  let next: Position | null = null
  let examined = 0
  for await (const row of rows) {
    if (items.length === limit || examined === examine) return { items, next }
    examined++
    next = { at: row.createdAt, key: row.key }
    if (row.matches) items.push(decode(row))
  }
  return { items, next: null }
}

/** What a page reads first: its items, and one row more that tells whether there is another page. */
export function firstChunk({ limit, examine }: PageInput): number {
  return Math.min(limit, examine) + 1
}

/** Where a list from the newest down begins: below the last position, and below `until`. */
export function startOf(after: Position | null, until: number | null | undefined): Position {
  const end: Position = { at: until ?? Number.MAX_SAFE_INTEGER, key: 0 }
  if (after === null) return end
  return after.at < end.at ? after : end
}
