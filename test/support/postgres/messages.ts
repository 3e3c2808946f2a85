/** What the senders on Postgres are told; what they report is of `../crash/messages.ts`. */
import type { Trap } from '../crash/messages.ts'

export interface PostgresSenderConfig {
  url: string
  /** Options of the sender beside storage and transport. */
  options: Record<string, unknown>
  /** Deliver, too. */
  start: boolean
  /** On a pool that can be told `stopAtNextSettle`. */
  hostPool?: boolean
  /** Report each request and each settlement. */
  verbose?: boolean
  /** Send an event of this type every so often, from the start until `rest`. */
  load?: { type: string; everyMs: number }
}

export interface NewEvent {
  id?: string
  type: string
  data: unknown
  /** Epoch milliseconds. */
  deliverAt?: number
}

export type PostgresSenderCommand =
  | { do: 'trap'; trap: Trap }
  | { do: 'stopAtNextSettle' }
  | { do: 'send'; events: NewEvent[] }
  /** `perTurn` events every `everyMs`; then reports `poured`. */
  | { do: 'pour'; type: string; perTurn: number; everyMs: number; turns: number }
  | { do: 'figures' }
  /** No more load. */
  | { do: 'rest' }
  | { do: 'stop' }
