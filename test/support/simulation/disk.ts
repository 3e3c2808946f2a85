import type { Storage } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import type { SimProcess } from './process.ts'

export type Method = Exclude<keyof Storage, 'name' | 'supports' | 'open' | 'close'>
// biome-ignore lint/suspicious/noExplicitAny: each method has an input of its own; the ledger takes them apart again
export type Input = any
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Output = any

/** The storage that all processes share: one call after the other, each told to the ledger as soon as it is committed. */
export class Disk {
  readonly storage: Storage
  readonly #ledger: Ledger
  #last: Promise<unknown> = Promise.resolve()
  #opened: Promise<{ version: number }> | null = null

  constructor(storage: Storage, ledger: Ledger) {
    this.storage = storage
    this.#ledger = ledger
  }

  open(now: number): Promise<{ version: number }> {
    this.#opened ??= this.storage.open({ now })
    return this.#opened
  }

  call(process: SimProcess, method: Method, input: Input): Promise<Output> {
    const done = this.#last.then(async () => {
      const output = await (this.storage[method] as (input: Input) => Promise<Output>)(input)
      await this.#ledger.observe(process, method, input, output)
      return output
    })
    this.#last = done.catch(() => {})
    return done
  }
}
