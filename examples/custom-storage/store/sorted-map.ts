export type Entry = readonly [key: string, value: string]

/** Keys of one block; a block that grows beyond twice as many is halved. */
const BLOCK = 512

/** Text by text, sorted by key: blocks of sorted keys, found by halving, beside a map of the values. */
export class SortedMap {
  readonly #values = new Map<string, string>()
  readonly #blocks: string[][] = [[]]

  clear(): void {
    this.#values.clear()
    this.#blocks.splice(0, this.#blocks.length, [])
  }

  get size(): number {
    return this.#values.size
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: string): void {
    if (!this.#values.has(key)) this.#insert(key)
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return
    const [index, block] = this.#blockOf(key)
    block.splice(countBelow(block, key), 1)
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(index, 1)
  }

  /** Those from `from` up to but not including `to`, ascending. Nothing may be written while it is read. */
  *up(from: string, to: string): Generator<Entry> {
    const [first, block] = this.#blockOf(from)
    let start = countBelow(block, from)
    for (let index = first; index < this.#blocks.length; index++, start = 0) {
      const keys = this.#blocks[index] ?? []
      for (let at = start; at < keys.length; at++) {
        const key = keys[at] ?? ''
        if (key >= to) return
        yield [key, this.#values.get(key) ?? '']
      }
    }
  }

  /** The same, descending. */
  *down(from: string, to: string): Generator<Entry> {
    const [last, block] = this.#blockOf(to)
    let end: number | undefined = countBelow(block, to)
    for (let index = last; index >= 0; index--, end = undefined) {
      const keys = this.#blocks[index] ?? []
      for (let at = end ?? keys.length; at > 0; at--) {
        const key = keys[at - 1] ?? ''
        if (key < from) return
        yield [key, this.#values.get(key) ?? '']
      }
    }
  }

  #insert(key: string): void {
    const [index, block] = this.#blockOf(key)
    block.splice(countBelow(block, key), 0, key)
    if (block.length > 2 * BLOCK) this.#blocks.splice(index + 1, 0, block.splice(BLOCK))
  }

  /** The block in which this key is, or would be: the last one that begins at or below it. */
  #blockOf(key: string): [index: number, block: string[]] {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#blocks[middle]?.[0] ?? '') <= key) low = middle
      else high = middle - 1
    }
    return [low, this.#blocks[low] ?? []]
  }
}

/** How many of these sorted keys are below this one. */
function countBelow(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
