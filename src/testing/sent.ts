import type { Catalog, EventName, EventOutput } from '../catalog.ts'
import { readEnvelope } from '../verify/envelope.ts'
import type { SeenRequest } from './scripted-transport.ts'

/** What reached customers' endpoints, read. */

/** What every request has, whatever it carried. */
export interface SentCommon {
  /** The event's id, as `webhook-id` has it: equal on every endpoint, retry and replay. Null: signed by other schemes alone. */
  id: string | null
  /** The endpoint's URL. */
  url: string
  /** All that were sent, the signature too; names in lower case. */
  headers: Record<string, string>
  /** The exact bytes. */
  body: Uint8Array
  /** 1 for the first request of this event to this URL, 2 for the next, over retries and replays. */
  attempt: number
  /** When it was made, by the clock. */
  at: Date
}

/** A request that carried `data`: one member for each type of the catalogue. */
export type SentEvent<C extends Catalog = Catalog, K extends EventName<C> = EventName<C>> = {
  [Type in K]: SentCommon & {
    /** What happened. */
    type: Type
    /** When it happened. */
    occurredAt: Date
    /** As the receiver reads it: JSON. */
    data: EventOutput<C, Type>
  }
}[K]

/** A request that carried a `body` of another form: its type is not told to the receiver. */
export interface SentRaw extends SentCommon {
  /** Not told. */
  type: null
  /** Not told. */
  occurredAt: null
  /** None: read `body`. */
  data: null
}

/** What reached an endpoint. `switch (sent.type)` narrows `sent.data`; `type` is null where the body is no envelope. */
export type SentWebhook<C extends Catalog = Catalog> = SentEvent<C> | SentRaw

export function readRequests(requests: readonly SeenRequest[]): SentWebhook[] {
  const attempts = new Map<string, number>()
  return requests.map(({ url, headers, body, at }) => {
    const id = headers['webhook-id'] ?? null
    const key = JSON.stringify([url, id ?? Buffer.from(body).toString('latin1')])
    const attempt = (attempts.get(key) ?? 0) + 1
    attempts.set(key, attempt)
    return { ...readEnvelope(body), id, url, headers, body, attempt, at: new Date(at) } as SentWebhook
  })
}
