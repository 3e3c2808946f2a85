import type { Position } from '../../ports/storage.ts'

/** Rows sorted by a moment and their key. The moment of a row must not change while it is in here. */
export class OrderedRows<T extends { readonly key: number }> {
  readonly #rows: T[] = []
  readonly #at: (row: T) => number

  constructor(at: (row: T) => number) {
    this.#at = at
  }

  get first(): T | undefined {
    return this.#rows[0]
  }

  get last(): T | undefined {
    return this.#rows.at(-1)
  }

  get size(): number {
    return this.#rows.length
  }

  add(row: T): void {
    this.#rows.splice(this.#countBefore({ at: this.#at(row), key: row.key }), 0, row)
  }

  delete(row: T): void {
    const index = this.#countBefore({ at: this.#at(row), key: row.key })
    if (this.#rows[index] === row) this.#rows.splice(index, 1)
  }

  /** The first rows, for as long as `wanted` holds, at most `limit`. */
  take(limit: number, wanted: (row: T) => boolean): T[] {
    const taken: T[] = []
    for (const row of this.#rows) {
      if (taken.length >= limit || !wanted(row)) break
      taken.push(row)
    }
    return taken
  }

  /** From the last down to the first, beginning below `after`. Rows must not be added or deleted meanwhile. */
  *down(after: Position | null): Generator<T> {
    for (let index = after === null ? this.#rows.length : this.#countBefore(after); index > 0; index--) {
      const row = this.#rows[index - 1]
      if (row !== undefined) yield row
    }
  }

  /** From the first above `after` to the last. Rows must not be added or deleted meanwhile. */
  *up(after: Position | null): Generator<T> {
    const from = after === null ? 0 : this.#countBefore({ at: after.at, key: after.key + 1 })
    for (let index = from; index < this.#rows.length; index++) yield this.#rows[index] as T
  }

  #countBefore(position: Position): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const row = this.#rows[middle]
      if (row !== undefined && this.#isBefore(row, position)) low = middle + 1
      else high = middle
    }
    return low
  }

  #isBefore(row: T, { at, key }: Position): boolean {
    const rowAt = this.#at(row)
    return rowAt < at || (rowAt === at && row.key < key)
  }
}
