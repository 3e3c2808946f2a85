import type { SenderOptions } from '../../../src/options.ts'
import { quiet, type Rig, rig, URL_OK } from '../engine/rig.ts'

/** What the cases of options share: each shows, by what a user sees, that its option does what its docstring says. */

export type Cases = Record<string, () => Promise<void>>

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const event = { type: 'a', data: 1 }

/** A sender without jitter unless it is asked for, with one endpoint. */
export async function given(options: SenderOptions = {}, endpoint: object = {}) {
  const made = rig({ ...options, retry: { jitter: 0, ...options.retry } })
  const { id, secret } = await made.sender.endpoints.create({ url: URL_OK, ...endpoint })
  return { ...made, id, secret }
}

/** Starts it, and lets its endpoints answer: an endpoint begins with one slot, and each answer adds one. */
export async function proven({ sender }: Rig): Promise<void> {
  await sender.start()
  for (let answers = 0; answers < 10; answers++) {
    await sender.send(event)
    await quiet()
  }
}

/** Drains for so long. Returns when each request was made, in milliseconds from now. */
export async function requestTimes({ sender, clock, requests }: Rig, forMs: number): Promise<number[]> {
  const began = clock.now()
  const before = requests.length
  await sender.send(event)
  await sender.drain({ until: new Date(began + forMs) })
  return requests.slice(before).map(({ at }) => at - began)
}

/** The code of what a call rejects with; null: it does not. */
export async function codeOf(call: Promise<unknown>): Promise<string | null> {
  return call.then(
    () => null,
    (error) => error.code,
  )
}

/** The attempts of the only delivery. */
export async function attempts({ sender }: Pick<Rig, 'sender'>) {
  const [delivery] = (await sender.deliveries.list()).items
  return (await sender.deliveries.attempts(delivery?.id ?? '')).items
}

/** The options that are named when an unknown one is refused. */
export async function knownBy(call: () => Promise<unknown>): Promise<string[]> {
  const message = await call().then(
    () => '',
    (error) => error.message,
  )
  return /known are (.+)$/.exec(message)?.[1]?.split(', ') ?? []
}
