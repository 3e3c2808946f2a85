import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from './within.ts'

const START_LIMIT_MS = 15_000

export interface Sink {
  url: string
  /** From here on it writes down when each event arrives. */
  record(): void
  /** By event id, in nanoseconds as `process.hrtime` counts them; it records no longer. */
  arrivals(): Promise<Map<string, bigint>>
  stop(): void
}

export async function startSink(): Promise<Sink> {
  const child = fork(fileURLToPath(new URL('./sink.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const [port] = await within(START_LIMIT_MS, once(child, 'message'))
  return {
    url: `http://127.0.0.1:${port}/`,
    record: () => child.send('record'),
    async arrivals() {
      child.send('arrivals')
      const [told] = (await once(child, 'message')) as [[string, string][]]
      return new Map(told.map(([id, at]) => [id, BigInt(at)]))
    },
    stop: () => child.disconnect(),
  }
}
