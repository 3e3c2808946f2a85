import type { DeliveryState } from './delivery.ts'

/** Which deliveries: all given conditions hold together. `since` is inclusive, `until` exclusive, over `createdAt`. */
export interface Selection {
  tenant?: string
  endpointId?: string
  eventId?: string
  type?: string
  states?: DeliveryState[]
  since?: number
  until?: number
  ids?: string[]
}

/** `replay`: deliveries begin another round. `backfill`: an endpoint gets deliveries of events that it never had. */
export type ReplayKind = 'replay' | 'backfill'

/** A place among rows: when a row was created, and its integer key. */
export interface Position {
  at: number
  key: number
}

/** `running` until everything selected has been visited. */
export type ReplayState = 'running' | 'completed' | 'canceled'

/** One replay, as stored. Times are epoch milliseconds. */
export interface ReplayRecord {
  id: string
  kind: ReplayKind
  tenant: string | null
  selection: Selection
  state: ReplayState
  /** Deliveries requeued a second at most; null: as fast as storage takes them. */
  perSecond: number | null
  /** Deliveries at rest, or events of a backfill, that matched when the replay was created. */
  total: number
  requeued: number
  /** Visited but not requeued: they were not at rest. */
  skipped: number
  /** What was visited last. */
  cursor: Position
  /** What was there last when the replay was created: later ones are not part of it. */
  bound: Position
  createdAt: number
  endedAt: number | null
}
