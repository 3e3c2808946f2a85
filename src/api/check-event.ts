import { list, plainObject, record, required, string, stringMap, time } from '../arguments.ts'
import type { Catalog, EventData, EventName } from '../catalog.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import { TYPE_MAX, TYPE_PATTERN } from '../model/event.ts'
import { ID_PATTERN } from '../model/ids.ts'
import type { CheckedEvent } from '../pipeline/send.ts'
import { checkHeaders } from '../runtime/header-guard.ts'
import { checkId, type Scope, tenantOf } from './scope.ts'

/**
 * What `send` takes: `data`, which is wrapped into `{ type, timestamp, data }` and sent as JSON, or a `body` that is sent byte for byte
 * under its `contentType`. With a catalogue it is the union of what goes for each type, so that a type takes its own data only; of one
 * type or some: `EventInput<typeof events, 'invoice.paid'>`.
 */
export type EventInput<C extends Catalog = Catalog, K extends EventName<C> = EventName<C>> = {
  [Type in K]: EventCommon & { type: Type } & Content<EventData<C, Type>>
}[K]

/** What an event carries: `data`, or the bytes of a `body` with its `contentType`. */
type Content<Data> =
  | { data: Data; body?: never; contentType?: never }
  // Named `never` on either side: TypeScript lets a literal mix the properties of a union otherwise.
  | { body: Uint8Array; contentType: string; data?: never }

/** What every event has, whatever it carries. */
export interface EventCommon {
  /** Whose customer it is for, 1 to 128 characters. Default `'default'`. */
  tenant?: string
  /** The event's id, 1 to 64 letters, digits, `_` and `-`. Default: a new one. The same id again is a duplicate. */
  id?: string
  /** When it happened. Default: now. */
  occurredAt?: Date | string
  /** Not to be delivered before this moment. Default: at once. */
  deliverAt?: Date | string
  /** The same key, tenant and arguments again answer with the first event, `duplicate: true`. 1 to 256 characters. */
  idempotencyKey?: string
  /**
   * Events of one key reach each endpoint one after the other, in the order in which they were sent: while one is retried, those of
   * its key behind it wait, and no others. 1 to 256 characters. Default: none waits for another.
   */
  orderingKey?: string
  /** Sent with each of its requests. At most 64; none that HTTP, the signature or the content own. */
  headers?: Record<string, string>
  /** Only these endpoints, whatever their patterns. 1 to 256 ids. Default: all whose patterns match. */
  endpoints?: string[]
  /** Kept with the event, never sent. At most 64 entries of 1,024 characters. */
  metadata?: Record<string, string>
}

const KNOWN = [
  'tenant',
  'type',
  'data',
  'body',
  'contentType',
  'id',
  'occurredAt',
  'deliverAt',
  'idempotencyKey',
  'orderingKey',
  'headers',
  'endpoints',
  'metadata',
]

/** Standard Webhooks 1.0.0: dot-delimited `[A-Za-z0-9_]`. Types may come from customers' input, so it is not a bug. */
export function checkType(value: unknown, path: string): string {
  const type = string(value, path, { min: 1, max: TYPE_MAX })
  if (!TYPE_PATTERN.test(type)) {
    throw new WebhookError(
      'event_invalid',
      `${path} must be made of letters, digits and underscores set apart by dots.`,
    )
  }
  return type
}

/** Checks all that `send` was given. Nothing has happened when it throws. */
export function checkEvent(value: unknown, scope: Scope): CheckedEvent {
  const input = plainObject(value, 'send', KNOWN)
  const tenant = tenantOf(input, 'send', scope)
  return {
    tenant,
    type: checkType(required(input.type, 'send.type'), 'send.type'),
    content: contentOf(input),
    id: input.id === undefined ? null : eventId(input.id),
    occurredAt: input.occurredAt === undefined ? null : time(input.occurredAt, 'send.occurredAt'),
    deliverAt: input.deliverAt === undefined ? null : time(input.deliverAt, 'send.deliverAt'),
    idempotencyKey: input.idempotencyKey === undefined ? null : string(input.idempotencyKey, 'send.idempotencyKey'),
    orderingKey: input.orderingKey === undefined ? null : string(input.orderingKey, 'send.orderingKey'),
    headers: input.headers === undefined ? {} : checkHeaders(record(input.headers, 'send.headers'), 'send.headers'),
    endpointIds: input.endpoints === undefined ? null : endpointIds(input.endpoints),
    metadata: input.metadata === undefined ? {} : stringMap(input.metadata, 'send.metadata', 64, 1_024),
  }
}

function endpointIds(value: unknown): string[] {
  return [...new Set(list(value, 'send.endpoints', { min: 1, max: 256 }, checkId))].sort()
}

function eventId(value: unknown): string {
  const id = string(value, 'send.id', { min: 1, max: 64 })
  if (!ID_PATTERN.test(id)) {
    throw new WebhookError(
      'event_invalid',
      'send.id must have letters, digits, _ and - only: a dot would end it in the signed content.',
    )
  }
  return id
}

function contentOf(input: Record<string, unknown>): CheckedEvent['content'] {
  if (input.data !== undefined && input.body !== undefined) {
    throw new ArgumentError('argument_invalid', 'send.body', 'and data exclude each other: give one of them')
  }
  if (input.body === undefined) {
    if (input.contentType !== undefined) {
      throw new ArgumentError(
        'argument_invalid',
        'send.contentType',
        'goes with body only: data is always application/json',
      )
    }
    return { data: required(input.data, 'send.data') }
  }
  if (!(input.body instanceof Uint8Array)) {
    throw new ArgumentError('argument_type', 'send.body', 'must be a Uint8Array')
  }
  const contentType = string(required(input.contentType, 'send.contentType'), 'send.contentType', { min: 1, max: 128 })
  if (!/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+([ \t]*;[\x20-\x7e]+)?$/.test(contentType)) {
    throw new ArgumentError('argument_invalid', 'send.contentType', 'must be a media type, such as application/xml')
  }
  return { body: input.body, contentType }
}
