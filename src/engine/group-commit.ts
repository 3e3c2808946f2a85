/**
 * Concurrent writes share one commit: whatever is added during one turn of the event loop, or while a commit is under way, is
 * written together. Bounded by count and bytes a batch, so that one transaction stays short.
 */

interface Entry<T, R> {
  item: T
  bytes: number
  resolve: (result: R) => void
  reject: (error: unknown) => void
}

export interface GroupCommitOptions<T, R> {
  countMax: number
  bytesMax: number
  /** Writes a batch in one transaction; results in the order of the items. */
  write: (items: T[]) => Promise<R[]>
  /** Whether a batch that failed with this error may succeed in halves: one bad item must fail alone. */
  divisible: (error: unknown) => boolean
}

export class GroupCommit<T, R> {
  readonly #options: GroupCommitOptions<T, R>
  #waiting: Entry<T, R>[] = []
  #bytes = 0
  #scheduled = false
  #writing = false

  constructor(options: GroupCommitOptions<T, R>) {
    this.#options = options
  }

  /** Items waiting for their commit, without those being written. */
  get count(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  add(item: T, bytes: number): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject })
      this.#bytes += bytes
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    this.#writing = true
    await this.#write(this.#takeBatch())
    this.#writing = false
    this.#schedule()
  }

  #takeBatch(): Entry<T, R>[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#waiting) {
      if (count > 0 && (count >= this.#options.countMax || bytes + entry.bytes > this.#options.bytesMax)) break
      bytes += entry.bytes
      count += 1
    }
    this.#bytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #write(batch: Entry<T, R>[]): Promise<void> {
    try {
      const results = await this.#options.write(batch.map((entry) => entry.item))
      batch.forEach((entry, index) => {
        entry.resolve(results[index] as R)
      })
    } catch (error) {
      if (batch.length > 1 && this.#options.divisible(error)) {
        const middle = Math.ceil(batch.length / 2)
        await this.#write(batch.slice(0, middle))
        await this.#write(batch.slice(middle))
      } else {
        for (const entry of batch) entry.reject(error)
      }
    }
  }
}
