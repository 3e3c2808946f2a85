import type { DeliveryState } from './delivery.ts'

/** Which deliveries: all given conditions hold together. `since` is inclusive, `until` exclusive, over `createdAt`. */
export interface Selection {
  /** Left out: every tenant. */
  tenant?: string
  /** Left out: every endpoint. */
  endpointId?: string
  /** Left out: every event. */
  eventId?: string
  /** Exactly this type of event; left out: every type. */
  type?: string
  /** In one of these; left out: in any. */
  states?: DeliveryState[]
  /** Created at or after this moment. */
  since?: number
  /** Created before this moment. */
  until?: number
  /** One of these deliveries. */
  ids?: string[]
}

/** `replay`: deliveries begin another round. `backfill`: an endpoint gets deliveries of events that it never had. */
export type ReplayKind = 'replay' | 'backfill'

/** A place among rows: when a row was created, and its integer key. */
export interface Position {
  /** Its creation, epoch milliseconds; of an attempt, its start. */
  at: number
  /** Its integer key, which tells rows of one millisecond apart; of an attempt, its number. */
  key: number
}

/** `running` until everything selected has been visited. */
export type ReplayState = 'running' | 'completed' | 'canceled'

/** Every state of a replay. */
export const REPLAY_STATES: readonly ReplayState[] = Object.freeze(['running', 'completed', 'canceled'])

/** One replay, as stored. Times are epoch milliseconds. */
export interface ReplayRecord {
  /** `rpl_…`. */
  id: string
  /** What it does with them. */
  kind: ReplayKind
  /** That of the selection; null: over all tenants. */
  tenant: string | null
  /** What it visits. */
  selection: Selection
  /** Where it stands. */
  state: ReplayState
  /** Deliveries requeued a second at most; null: as fast as storage takes them. */
  perSecond: number | null
  /** Deliveries at rest, or events of a backfill, that matched when the replay was created. */
  total: number
  /** Deliveries that began another round by it. */
  requeued: number
  /** Visited but not requeued: they were not at rest. */
  skipped: number
  /** What was visited last. */
  cursor: Position
  /** What was there last when the replay was created: later ones are not part of it. */
  bound: Position
  /** When it was created: what was written later is no part of it. */
  createdAt: number
  /** When it was completed or canceled; null while it runs. */
  endedAt: number | null
}
