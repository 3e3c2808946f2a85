/** What happened, as stored. Times are epoch milliseconds. */
export interface EventRecord {
  /** `evt_…`, or what the caller gave; equal to the `webhook-id` of every request made for it. */
  id: string
  tenant: string
  type: string
  /** When it happened, by the caller's word. */
  occurredAt: number
  /** When it was accepted. */
  createdAt: number
  /** Not to be delivered before this moment. */
  deliverAt: number
  idempotencyKey: string | null
  orderingKey: string | null
  contentType: string
  /** The exact bytes that are signed and sent. */
  body: Uint8Array
  /** Headers of this event's requests, beside those of the endpoint and of the signature. */
  headers: Record<string, string>
  metadata: Record<string, string>
  canceledAt: number | null
}

/** An event without its bytes: what lists return. */
export type EventSummary = Omit<EventRecord, 'body'>

/** The part of an event that one attempt needs. */
export type EventContent = Pick<EventRecord, 'id' | 'type' | 'contentType' | 'body' | 'headers' | 'createdAt'>
