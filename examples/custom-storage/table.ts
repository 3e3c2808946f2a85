import { key, type Range } from './keys.ts'
import type { Reader, Writer } from './store/store.ts'

interface Columns<Row> {
  keyOf: (row: Row) => string | number
  /** The keys by which a row is found, as it is. */
  indexesOf: (row: Row) => string[]
}

/**
 * Rows of one kind, as JSON, with their indexes. Whoever reads one has a copy of its own; whoever writes one writes all of its
 * indexes, so that none can be forgotten.
 */
export class Table<Row extends object> {
  readonly #name: string
  readonly #columns: Columns<Row>

  constructor(name: string, columns: Columns<Row>) {
    this.#name = name
    this.#columns = columns
  }

  find(db: Reader, id: string | number): Row | undefined {
    return parse<Row>(db.get(key(this.#name, id)))
  }

  /** One that must be there. */
  get(db: Reader, id: string | number): Row {
    const row = this.find(db, id)
    if (row === undefined) throw new Error(`there is no ${this.#name} ${id}`)
    return row
  }

  put(db: Writer, row: Row): void {
    const id = key(this.#name, this.#columns.keyOf(row))
    const before = db.get(id)
    const text = JSON.stringify(row)
    if (text === before) return
    const stale = new Set(before === undefined ? [] : this.#columns.indexesOf(JSON.parse(before)))
    for (const index of this.#columns.indexesOf(row)) {
      if (!stale.delete(index)) db.set(index, id)
    }
    for (const index of stale) db.delete(index)
    db.set(id, text)
  }

  remove(db: Writer, row: Row): void {
    for (const index of this.#columns.indexesOf(row)) db.delete(index)
    db.delete(key(this.#name, this.#columns.keyOf(row)))
  }

  /** The row that this key of an index leads to. */
  at(db: Reader, index: string): Row | undefined {
    const id = db.get(index)
    return id === undefined ? undefined : found<Row>(db, id)
  }

  /** The rows along an index, one by one, for as long as nothing is written. */
  *along(db: Reader, { from, to }: Range): Generator<Row> {
    for (const [, id] of db.up(from, to)) yield found<Row>(db, id)
  }

  *alongDown(db: Reader, { from, to }: Range): Generator<Row> {
    for (const [, id] of db.down(from, to)) yield found<Row>(db, id)
  }

  /** The first rows along an index, to be written to. */
  take(db: Reader, range: Range, limit: number): Row[] {
    return first(this.along(db, range), limit)
  }
}

export function first<T>(items: Iterable<T>, limit: number): T[] {
  const taken: T[] = []
  if (limit <= 0) return taken
  for (const item of items) {
    if (taken.push(item) >= limit) break
  }
  return taken
}

/** The first key of a range. */
export function firstKey(db: Reader, { from, to }: Range): string | null {
  for (const [found] of db.up(from, to)) return found
  return null
}

/** How many keys a range holds, as far as `max`. */
export function count(db: Reader, { from, to }: Range, max: number): number {
  return first(db.up(from, to), max).length
}

function found<Row>(db: Reader, id: string): Row {
  const row = parse<Row>(db.get(id))
  if (row === undefined) throw new Error(`an index names ${id}, which is not there`)
  return row
}

function parse<Row>(text: string | undefined): Row | undefined {
  return text === undefined ? undefined : JSON.parse(text)
}
