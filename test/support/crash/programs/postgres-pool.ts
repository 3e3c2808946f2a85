import type { Pool, PoolClient } from 'pg'
import { report } from './report.ts'

type Query = { text: string }

/** A host's pool on which this process stands still amid a transaction: before the COMMIT of what it has settled. */
export class StoppingPool {
  readonly #pool: Pool
  #armed = false

  constructor(pool: Pool) {
    this.#pool = pool
    pool.on('error', () => {})
  }

  stopAtNextSettle(): void {
    this.#armed = true
  }

  async connect() {
    const client = await this.#pool.connect()
    let settles = false
    return {
      query: (config: Query) => {
        settles ||= /INSERT INTO \S*hookferry_attempt\b/.test(config.text)
        if (settles && this.#armed && config.text === 'COMMIT') this.#stop()
        return client.query(config)
      },
      release: (destroy?: boolean) => client.release(destroy),
      on: (event: string, listener: (value: never) => void) => client.on(event as 'error', listener as never),
      removeListener: (event: string, listener: (value: never) => void): PoolClient =>
        client.removeListener(event, listener as never),
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }

  #stop(): void {
    this.#armed = false
    report({ is: 'trapped', trap: 'commit' })
    process.kill(process.pid, 'SIGSTOP')
  }
}
