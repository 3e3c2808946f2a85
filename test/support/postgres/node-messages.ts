/** What nodes and customers of the crash tests on Postgres are told and report, beyond what `../crash/messages.ts` has. */

export interface NodeConfig {
  url: string
  /** Options of the sender beside storage, transport and clock. */
  options: Record<string, unknown>
  /** Deliver, too. */
  start: boolean
  /** So much is added to what the machine says of the time of day. */
  skewMs?: number
  /** The storage has no clock: every node goes by its own. */
  timeless?: boolean
  /** Send one event of this type every so often, so many to an ordering key, from the start until `rest`. */
  load?: { type: string; everyMs: number; perKey: number }
}

/** What an event says of itself, so that customers and tests know it again. */
export interface Turn {
  /** The ordering key; null: none. */
  key: string | null
  n: number
  /** So many of its requests fail where the customer is one that fails. */
  fails: number
}

/** Events of one key, each sent once the one before is accepted. */
export interface Sequence {
  /** Begins the ids of the events. */
  name: string
  key: string | null
  type: string
  /** Of each event. */
  fails: number[]
  /** How long the sender pauses before each event. */
  pausesMs: number[]
}

export type NodeCommand =
  /** All at the same time; then reports `poured`. */
  | { do: 'sequences'; sequences: Sequence[] }
  /** Somebody sets the machine's clock. */
  | { do: 'skew'; skewMs: number }
  | { do: 'rest' }
  | { do: 'stop' }

/** One request that came in whole. */
export interface Arrival extends Turn {
  path: string
  id: string
  /** Milliseconds of the receiver's clock, which is the machine's. */
  at: number
  /** What it was answered with; null: with nothing. */
  status: number | null
  /** The library that sent it, with its version. */
  agent: string
}

/** Beside `url`, one that refuses connections at times. */
export interface Listening {
  url: string
  refusing: string
}
