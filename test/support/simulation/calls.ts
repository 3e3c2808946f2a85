import { errorCode, isRetryable } from '../../../src/errors.ts'
import type { SimProcess } from './process.ts'
import type { World } from './world.ts'

/** Calls of the host, and what may come of them. */

/** What storage may answer to any call while it is in trouble. */
const TROUBLE = ['storage_busy', 'storage_unavailable', 'storage_full', 'storage_read_only']

export interface Call<T> {
  process: SimProcess
  name: string
  /** Codes that are right answers. */
  expected?: readonly string[]
  make: () => Promise<T>
  done?: (result: T) => void
  refused?: (code: string, error: unknown) => void
}

/** Makes the call. Resolves when it was answered, whatever the answer; never when its process dies. */
export function call<T>(world: World, { process, name, expected = [], make, done, refused }: Call<T>): Promise<void> {
  const { ledger } = world
  ledger.note(() => `${process.name} call ${name}`)
  const answered = make().then(
    (result) => {
      ledger.note(() => `${process.name} answered ${name}`)
      done?.(result)
    },
    (error: unknown) => {
      const code = errorCode(error) ?? String(error)
      ledger.note(() => `${process.name} refused ${name}: ${code}`)
      const known = TROUBLE.includes(code)
        ? isRetryable(error) !== (code === 'storage_read_only')
        : expected.includes(code)
      if (!known && !(code === 'stopped' && process.stopping)) {
        ledger.violated('a call is refused for what it says', `${name} by ${process.name}: ${(error as Error).stack}`)
      }
      if (TROUBLE.includes(code) && world.faults.healedFor(60_000, world.clock.now())) {
        ledger.violated('a call is refused for what it says', `${name}: ${code}, though storage is well`)
      }
      refused?.(code, error)
    },
  )
  world.call(answered)
  return answered
}
