import { ArgumentError, WebhookError } from '../errors.ts'
import type { EventRecord } from '../model/event.ts'
import type { NewTxEvent } from '../ports/storage-delivery-types.ts'

/** Step 1, the pure half: what the caller gave becomes the event that is stored, with the exact bytes that will be sent. */

/** A checked event, before defaults. Times are epoch milliseconds. */
interface Checked<Content> {
  tenant: string
  type: string
  content: Content
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

/** Its content is still the caller's, who may change it once the call has returned. */
export type CheckedEvent = Checked<{ data: unknown } | { body: Uint8Array; contentType: string }>

/** Nothing of it is the caller's any more. `given`: the caller's own data as text, where `json` is what a schema made of it. */
export type WrittenEvent = Checked<{ json: string; given: string | null } | { body: Uint8Array; contentType: string }>

/** An event ready to be stored. */
export type PreparedEvent = NewTxEvent

export interface PrepareInput {
  written: WrittenEvent
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

export interface WriteInput {
  /** Whose arguments these are, such as `send`. */
  path: string
  payloadMaxBytes: number
  /** The caller's own data as text, where the event's is what a schema made of it; null: there is no schema, or no such text. */
  given: string | null
}

/** Copies or serialises the content, once. Throws `event_invalid` or `payload_too_large`; nothing else has happened by then. */
export function writeContent(checked: CheckedEvent, { path, payloadMaxBytes, given }: WriteInput): WrittenEvent {
  const { content } = checked
  if ('data' in content) {
    return { ...checked, content: { json: jsonOf(content.data, `${path}.data`, given !== null), given } }
  }
  assertSize(content.body, payloadMaxBytes)
  // slice() of a Node Buffer would not copy.
  return { ...checked, content: { ...content, body: new Uint8Array(content.body) } }
}

/** Throws `payload_too_large`. */
export function prepareEvent(input: PrepareInput): PreparedEvent {
  const { written, now } = input
  const { content } = written
  const occurredAt = written.occurredAt ?? now
  // The envelope of Standard Webhooks 1.0.0.
  const body =
    'body' in content
      ? content.body
      : encoder.encode(`{"type":"${written.type}","timestamp":"${input.isoTime(occurredAt)}","data":${content.json}}`)
  assertSize(body, input.payloadMaxBytes)
  const event: EventRecord = {
    id: written.id ?? input.generatedId,
    tenant: written.tenant,
    type: written.type,
    occurredAt,
    createdAt: now,
    deliverAt: Math.max(written.deliverAt ?? now, now),
    idempotencyKey: written.idempotencyKey,
    orderingKey: written.orderingKey,
    contentType: 'body' in content ? content.contentType : 'application/json',
    body,
    headers: written.headers,
    metadata: written.metadata,
    canceledAt: null,
  }
  const idempotencyExpiresAt = written.idempotencyKey === null ? null : now + input.idempotencyMs
  const hash = hashOf(input, body)
  return { event, idGiven: written.id !== null, hash, idempotencyExpiresAt, endpointIds: written.endpointIds }
}

/** The refusal of an id or idempotency key that stands for another event. */
export function idempotencyConflict(eventId: string): WebhookError {
  return new WebhookError(
    'idempotency_conflict',
    `The same id or idempotencyKey was used for another event, ${eventId}: use a new one for a new event, the same arguments for the same one.`,
  )
}

/** Empty where nothing can be compared with it: neither an id nor a key was given. */
function hashOf({ written, digest }: PrepareInput, body: Uint8Array): string {
  const { content, id, idempotencyKey } = written
  if (id === null && idempotencyKey === null) return ''
  const told = 'body' in content ? digest(body) : (content.given ?? content.json)
  return digest(encoder.encode(JSON.stringify([...argumentsOf(written), told])))
}

/** The caller's arguments without defaults, so that the same call made later has the same hash. */
function argumentsOf(written: WrittenEvent): unknown[] {
  const contentType = 'body' in written.content ? written.content.contentType : null
  const { type, occurredAt, deliverAt, orderingKey, headers, endpointIds, metadata } = written
  return [type, occurredAt, deliverAt, orderingKey, inOrder(headers), endpointIds, inOrder(metadata), contentType]
}

function assertSize(body: Uint8Array, payloadMaxBytes: number): void {
  if (body.byteLength <= payloadMaxBytes) return
  throw new WebhookError(
    'payload_too_large',
    `The body has ${body.byteLength} bytes, ${payloadMaxBytes} are allowed: send a reference to the content, or raise payloadMaxBytes.`,
  )
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
  if (json.includes('\\ud') && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(json)) {
    throw new WebhookError(
      'event_invalid',
      `${subject} holds half of a surrogate pair: make its strings well-formed Unicode.`,
    )
  }
  // Only ever the start of a key: within a string a quotation mark stands behind a backslash.
  if (json.includes('"__proto__":') && /(?<!\\)"__proto__":/.test(json)) {
    throw new WebhookError(
      'event_invalid',
      `${subject} holds a key __proto__, which programs at the other end may take for a prototype: remove it.`,
    )
  }
  return json
}
