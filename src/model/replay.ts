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

/** `running` until every selected delivery has been visited. */
export type ReplayState = 'running' | 'completed' | 'canceled'

/** One replay, as stored. Times are epoch milliseconds. */
export interface ReplayRecord {
  id: string
  tenant: string | null
  selection: Selection
  state: ReplayState
  /** Deliveries requeued a second at most; null: as fast as storage takes them. */
  perSecond: number | null
  /** Deliveries that were at rest and matched when the replay was created. */
  total: number
  requeued: number
  /** Visited but not requeued: they were not at rest. */
  skipped: number
  createdAt: number
  endedAt: number | null
}
