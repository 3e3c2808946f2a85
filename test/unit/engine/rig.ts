import type { SenderOptions } from '../../../src/options.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { createTestSender, type TestSender } from '../../../src/testing/test-sender.ts'

/** A sender in virtual time over a storage that can be made to misbehave, and everything it told. */

type Method = {
  [K in keyof Storage]: Storage[K] extends (...args: never[]) => Promise<unknown> ? K : never
}[keyof Storage]

/** Takes the place of one storage method: `call` is the real one. */
type Tamper = (call: (input?: unknown) => Promise<unknown>, input: unknown) => Promise<unknown>

export interface Tampered extends Storage {
  /** How often each method was called. */
  readonly calls: Map<string, number>
  /** What each method was called with, in order. */
  readonly inputs: { method: string; input: unknown }[]
  tamper(method: Method, how: Tamper): void
  /** Ends all tampering. */
  heal(): void
}

export function tampered(inner: Storage = memory()): Tampered {
  const tampers = new Map<string, Tamper>()
  const calls = new Map<string, number>()
  const inputs: { method: string; input: unknown }[] = []
  const extra = {
    calls,
    inputs,
    tamper: (method: string, how: Tamper) => tampers.set(method, how),
    heal: () => tampers.clear(),
  }
  return new Proxy(inner, {
    get(target, name) {
      if (typeof name === 'string' && name in extra) return Reflect.get(extra, name)
      const value = Reflect.get(target, name)
      if (typeof value !== 'function' || typeof name !== 'string' || name === 'onWork') return value
      return async (input: unknown, ...rest: unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1)
        inputs.push({ method: name, input })
        const call = (other: unknown = input) => value.call(target, other, ...rest)
        return tampers.get(name)?.(call, input) ?? call()
      }
    },
  }) as Tampered
}

export interface Rig extends TestSender {
  storage: Tampered
  /** What was told by `'error'`. */
  errors: { error: Error; context: string }[]
}

const rigs: Rig[] = []

export function rig(options: SenderOptions = {}): Rig {
  const storage = tampered(options.storage)
  const made = createTestSender({ ...options, storage })
  const errors: Rig['errors'] = []
  made.sender.on('error', (news) => errors.push(news))
  const all = { ...made, storage, errors }
  rigs.push(all)
  return all
}

/** For `afterEach`: stops what the test made. */
export async function stopAll(): Promise<void> {
  for (const { sender, clock, storage } of rigs.splice(0)) {
    storage.heal()
    await through(clock, sender.stop({ graceMs: 0 }))
  }
}

/** Lets everything that waits for no timer come to its end. */
export async function quiet(turns = 40): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** Moves the clock on from timer to timer until the promise settles. */
export async function through<T>(clock: TestSender['clock'], promise: Promise<T>): Promise<T> {
  let settled = false
  const done = () => {
    settled = true
  }
  promise.then(done, done)
  while (!settled) {
    await quiet(10)
    const next = clock.nextTimerAt()
    if (!settled && next !== null) clock.advanceTo(next)
  }
  return promise
}

export const URL_OK = 'https://example.com/hooks'
