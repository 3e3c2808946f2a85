import { setTimeout as wait } from 'node:timers/promises'
import { isRetryable } from '../../errors.ts'
import type { Storage } from '../../ports/storage.ts'

const TRIES = 200
const WAIT_MS = 5

/** Called once: the one answers at once, and only the host can repeat the other, with its whole transaction. */
const ONCE: readonly PropertyKey[] = ['onWork', 'insertEventIn']

/** Calls again while the storage answers that the same call may succeed later, as the engine does. */
export function patient(storage: Storage): Storage {
  return new Proxy(storage, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      if (ONCE.includes(name)) return (...input: unknown[]) => Reflect.apply(member, target, input)
      return (...input: unknown[]) => persist(() => Reflect.apply(member, target, input))
    },
  })
}

async function persist(call: () => Promise<unknown>): Promise<unknown> {
  for (let left = TRIES; ; left--) {
    try {
      return await call()
    } catch (error) {
      if (left === 0 || !isRetryable(error)) throw error
      await wait(WAIT_MS)
    }
  }
}
