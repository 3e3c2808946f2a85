import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Message, Order, ReceiverName, Seen } from './receivers.ts'

/** The receivers' process, as the demo holds it. */
export interface Receivers {
  urls: Record<ReceiverName, string>
  /** Gives them the secrets that their endpoints got. */
  learn(secrets: Record<ReceiverName, string>): void
  /** The one called `recovering` answers 500 to so many requests, then 200 again. */
  failNext(requests: number): void
  /** All requests up to now. */
  report(): Promise<Seen[]>
  stop(): Promise<void>
}

export async function startReceivers(): Promise<Receivers> {
  const child = fork(fileURLToPath(new URL('./receivers.ts', import.meta.url)))
  const exited = once(child, 'exit')
  const order = (message: Order) => child.send(message)
  const next = async (): Promise<Message> => {
    const over = exited.then(() => {
      throw new Error('the receivers ended too early')
    })
    const [message] = await Promise.race([once(child, 'message'), over])
    return message as Message
  }
  const first = await next()
  if (first.kind !== 'listening') throw new Error('the receivers did not say where they listen')
  return {
    urls: first.urls,
    learn: (secrets) => order({ order: 'secrets', secrets }),
    failNext: (failures) => order({ order: 'recovering', failures }),
    async report() {
      const answer = next()
      order({ order: 'report' })
      const message = await answer
      return message.kind === 'report' ? message.seen : []
    },
    async stop() {
      child.kill()
      await exited
    },
  }
}
