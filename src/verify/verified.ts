import type { Catalog, EventName, EventOutput } from '../catalog.ts'

/** What `verify` returns. */

/** What every verified webhook has. */
export interface VerifiedCommon {
  /** The webhook's id: the same on every retry and replay. Keep those that you have handled, and ignore them when they come again. */
  id: string
  /** When this attempt was signed. */
  timestamp: Date
  /** The bytes that were signed. */
  body: Uint8Array
}

/** A webhook whose body is the envelope `{ type, timestamp, data }`: one member for each type of the catalogue. */
export type VerifiedEnvelope<C extends Catalog = Catalog> = {
  [K in EventName<C>]: VerifiedCommon & {
    /** What happened. */
    type: K
    /** When it happened. */
    occurredAt: Date
    /** What the sender sent as data, read as JSON. */
    data: EventOutput<C, K>
  }
}[EventName<C>]

/** A webhook with any other body: JSON of another form, text, or bytes. Read `body`. */
export interface VerifiedRaw extends VerifiedCommon {
  /** Not known: the body is no envelope. */
  type: null
  /** Not known. */
  occurredAt: null
  /** None: read `body`. */
  data: null
}

/** A webhook that is authentic. `switch (event.type)` narrows `event.data`; `type` is null where the body is no envelope. */
export type Verified<C extends Catalog = Catalog> = VerifiedEnvelope<C> | VerifiedRaw
