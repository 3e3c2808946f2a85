/** A type's name by Standard Webhooks 1.0.0: letters, digits and underscores in segments set apart by dots. */
export const TYPE_PATTERN = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/

/** The longest name of a type, in characters. */
export const TYPE_MAX = 128

/** What happened, as stored. Times are epoch milliseconds. */
export interface EventRecord {
  /** `evt_…`, or what the caller gave; equal to the `webhook-id` of every request made for it. */
  id: string
  /** Whose customer it is for. */
  tenant: string
  /** What happened, such as `invoice.paid`. */
  type: string
  /** When it happened, by the caller's word. */
  occurredAt: number
  /** When it was accepted. */
  createdAt: number
  /** Not to be delivered before this moment. */
  deliverAt: number
  /** As the caller gave it; null: none. */
  idempotencyKey: string | null
  /** As the caller gave it; null: it waits for no other event. */
  orderingKey: string | null
  /** Of `body`: `application/json` for data, else what the caller gave. */
  contentType: string
  /** The exact bytes that are signed and sent. */
  body: Uint8Array
  /** Headers of this event's requests, beside those of the endpoint and of the signature. */
  headers: Record<string, string>
  /** The caller's own, never sent. */
  metadata: Record<string, string>
  /** When a person canceled it; null: nobody did. */
  canceledAt: number | null
}

/** An event without its bytes: what lists return. */
export type EventSummary = Omit<EventRecord, 'body'>

/** The part of an event that one attempt needs. */
export type EventContent = Pick<EventRecord, 'id' | 'type' | 'contentType' | 'body' | 'headers' | 'createdAt'>
