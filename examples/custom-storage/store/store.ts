import { WebhookError } from 'hookferry/storage'
import { failureOf } from './failures.ts'
import { type Change, decode, type Journal, readJournal, replaceJournal } from './journal.ts'
import { takeLock } from './lock-file.ts'
import { type Entry, SortedMap } from './sorted-map.ts'

/** What an operation reads by. Ranges go from `from` up to but not including `to`. */
export interface Reader {
  get(key: string): string | undefined
  up(from: string, to: string): Iterable<Entry>
  down(from: string, to: string): Iterable<Entry>
}

/** What an operation writes by. It sees what it has written. */
export interface Writer extends Reader {
  set(key: string, value: string): void
  delete(key: string): void
}

/** Entries of one batch of a compacted journal. */
const BATCH = 1_000

/**
 * An ordered key-value store: everything in memory, and in a journal. An operation is a function that runs without a pause, so
 * that none sees another half done. If it throws, what it wrote is taken back; otherwise it is one batch of the journal, and
 * answered once that is on the disk.
 */
export class Store {
  readonly #path: string
  readonly #map = new SortedMap()
  #journal: Journal | null = null
  #lock: { release(): Promise<void> } | null = null

  constructor(path: string) {
    this.#path = path
  }

  /** Of the journal. */
  get bytes(): number {
    return this.#journal?.bytes ?? 0
  }

  /** Reads the journal and writes it anew, without what is gone. Returns how many bytes at its end were no whole batch. */
  async open(): Promise<number> {
    try {
      this.#lock = await takeLock(`${this.#path}.lock`)
      const { batches, lostBytes } = decode(await readJournal(this.#path))
      for (const change of batches.flat()) this.#apply(change)
      this.#journal = await replaceJournal(this.#path, this.#snapshot())
      return lostBytes
    } catch (error) {
      await this.close()
      throw failureOf(error)
    }
  }

  /** What is under way is on the disk by then. */
  async close(): Promise<void> {
    await this.#journal?.close()
    await this.#lock?.release()
    this.#journal = null
    this.#lock = null
    this.#map.clear()
  }

  /** Waits for what it may have seen, and what is not on the disk yet: nobody is told of something that may still fail. */
  async read<T>(operation: (db: Reader) => T): Promise<T> {
    const journal = this.#opened()
    const result = operation(this.#map)
    await this.#commit(journal, [], [])
    return result
  }

  async write<T>(operation: (db: Writer) => T): Promise<T> {
    const journal = this.#opened()
    const before: Change[] = []
    const changes = new Map<string, string | null>()
    const change = (key: string, value: string | null) => {
      before.push([key, this.#map.get(key) ?? null])
      changes.set(key, value)
      this.#apply([key, value])
    }
    let result: T
    try {
      result = operation({
        get: (key) => this.#map.get(key),
        up: (from, to) => this.#map.up(from, to),
        down: (from, to) => this.#map.down(from, to),
        set: (key, value) => change(key, value),
        delete: (key) => change(key, null),
      })
    } catch (error) {
      this.#undo(before)
      throw error
    }
    await this.#commit(journal, [...changes], before)
    return result
  }

  async #commit(journal: Journal, changes: Change[], before: Change[]): Promise<void> {
    try {
      await journal.append(changes, () => this.#undo(before))
    } catch (error) {
      throw failureOf(error)
    }
  }

  #opened(): Journal {
    if (this.#journal !== null) return this.#journal
    throw new WebhookError('storage_unavailable', `${this.#path} is not open: call open() first.`)
  }

  #apply([key, value]: Change): void {
    if (value === null) this.#map.delete(key)
    else this.#map.set(key, value)
  }

  #undo(before: readonly Change[]): void {
    for (const change of before.toReversed()) this.#apply(change)
  }

  *#snapshot(): Generator<Change[]> {
    let batch: Change[] = []
    for (const entry of this.#map.up('', '\uffff')) {
      if (batch.push(entry) < BATCH) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }
}
