import { ArgumentError, WebhookError } from '../errors.ts'
import type { EventRecord } from '../model/event.ts'
import type { NewTxEvent } from '../ports/storage-delivery-types.ts'

/** Step 1, the pure half: what the caller gave becomes the event that is stored, with the exact bytes that will be sent. */

/** A checked event, before defaults and serialisation. Times are epoch milliseconds. */
export interface CheckedEvent {
  tenant: string
  type: string
  /** `given`: the caller's own data as text, where `data` is what a schema made of it. */
  content: { data: unknown; given?: string } | { body: Uint8Array; contentType: string }
  id: string | null
  occurredAt: number | null
  deliverAt: number | null
  idempotencyKey: string | null
  orderingKey: string | null
  headers: Record<string, string>
  /** The endpoints addressed; null: those whose patterns match. */
  endpointIds: string[] | null
  metadata: Record<string, string>
}

/** An event ready to be stored. */
export type PreparedEvent = NewTxEvent

export interface PrepareInput {
  checked: CheckedEvent
  /** Whose arguments these are, such as `send`. */
  path: string
  now: number
  /** The id used when the caller gave none. */
  generatedId: string
  payloadMaxBytes: number
  /** How long its idempotency key is remembered. */
  idempotencyMs: number
  /** Hex digest of some bytes. */
  digest: (bytes: Uint8Array) => string
  /** Epoch milliseconds as ISO 8601 in UTC. */
  isoTime: (epochMs: number) => string
}

const encoder = new TextEncoder()

/** Serialises once. Throws `event_invalid` or `payload_too_large`; nothing else has happened by then. */
export function prepareEvent(input: PrepareInput): PreparedEvent {
  const { checked, now } = input
  const { content } = checked
  const occurredAt = checked.occurredAt ?? now
  const json = 'body' in content ? null : jsonOf(content.data, `${input.path}.data`, content.given !== undefined)
  // The envelope of Standard Webhooks 1.0.0. Raw bodies are copied, since the caller may go on to use the buffer; slice() of a
  // Node Buffer would not copy.
  const body =
    'body' in content
      ? new Uint8Array(content.body)
      : encoder.encode(`{"type":"${checked.type}","timestamp":"${input.isoTime(occurredAt)}","data":${json}}`)
  if (body.byteLength > input.payloadMaxBytes) {
    throw new WebhookError(
      'payload_too_large',
      `The body has ${body.byteLength} bytes, ${input.payloadMaxBytes} are allowed: send a reference to the content, or raise payloadMaxBytes.`,
    )
  }
  const event: EventRecord = {
    id: checked.id ?? input.generatedId,
    tenant: checked.tenant,
    type: checked.type,
    occurredAt,
    createdAt: now,
    deliverAt: Math.max(checked.deliverAt ?? now, now),
    idempotencyKey: checked.idempotencyKey,
    orderingKey: checked.orderingKey,
    contentType: 'body' in content ? content.contentType : 'application/json',
    body,
    headers: checked.headers,
    metadata: checked.metadata,
    canceledAt: null,
  }
  const told = 'body' in content ? input.digest(body) : (content.given ?? json)
  const hash = input.digest(encoder.encode(JSON.stringify([...argumentsOf(checked), told])))
  const idempotencyExpiresAt = checked.idempotencyKey === null ? null : now + input.idempotencyMs
  return { event, idGiven: checked.id !== null, hash, idempotencyExpiresAt, endpointIds: checked.endpointIds }
}

/** The refusal of an id or idempotency key that stands for another event. */
export function idempotencyConflict(eventId: string): WebhookError {
  return new WebhookError(
    'idempotency_conflict',
    `The same id or idempotencyKey was used for another event, ${eventId}: use a new one for a new event, the same arguments for the same one.`,
  )
}

/** The caller's arguments without defaults, so that the same call made later has the same hash. */
function argumentsOf(checked: CheckedEvent): unknown[] {
  const contentType = 'body' in checked.content ? checked.content.contentType : null
  const { type, occurredAt, deliverAt, orderingKey, headers, endpointIds, metadata } = checked
  return [type, occurredAt, deliverAt, orderingKey, inOrder(headers), endpointIds, inOrder(metadata), contentType]
}

/** In the order of their names: two maps with the same entries are the same. */
function inOrder(map: Record<string, string>): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))
}

function jsonOf(data: unknown, path: string, bySchema: boolean): string {
  const subject = bySchema ? `${path}, as its schema answers it,` : path
  let json: string | undefined
  try {
    json = JSON.stringify(data)
  } catch (cause) {
    const message = `${subject} can not be written as JSON: remove BigInts and cycles, or send a body.`
    throw new WebhookError('event_invalid', message, { cause })
  }
  if (json === undefined) {
    throw new ArgumentError(
      'argument_type',
      path,
      `must be what JSON can write${bySchema ? ', and so must what its schema answers' : ''}: not undefined, a function or a symbol`,
    )
  }
  // JSON.stringify writes half of a surrogate pair as an escape, which strict parsers at the customer's end refuse.
  if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(json)) {
    throw new WebhookError(
      'event_invalid',
      `${subject} holds half of a surrogate pair: make its strings well-formed Unicode.`,
    )
  }
  // Only ever the start of a key: within a string a quotation mark stands behind a backslash.
  if (/(?<!\\)"__proto__":/.test(json)) {
    throw new WebhookError(
      'event_invalid',
      `${subject} holds a key __proto__, which programs at the other end may take for a prototype: remove it.`,
    )
  }
  return json
}
