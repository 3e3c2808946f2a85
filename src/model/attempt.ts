/**
 * What became of one HTTP request. An endpoint's failure is data, never an exception.
 *
 * - `delivered`: a status of 200 to 299.
 * - `rejected`: any other status but 410, redirects among them.
 * - `gone`: 410, which disables the endpoint.
 * - `timed_out`: no whole response within the attempt's deadline, or no connection within `connectMs`.
 * - `connection_failed`: no whole response, for the reason that the error names.
 * - `blocked`: not made, since the address is not allowed or nothing could sign it.
 * - `aborted`: ended by our shutdown, and made again.
 * - `lost`: its lease ran out; nobody knows what became of it.
 */
export type Outcome =
  | 'delivered'
  | 'rejected'
  | 'gone'
  | 'timed_out'
  | 'connection_failed'
  | 'blocked'
  | 'aborted'
  | 'lost'

/** How far an attempt had come. */
export type AttemptPhase = 'dns' | 'connect' | 'tls' | 'request' | 'headers' | 'body'

/** Why a connection failed. */
export type ConnectionFailure = 'dns' | 'refused' | 'unreachable' | 'reset' | 'tls' | 'protocol' | 'other'

/** Milliseconds spent in each phase; null where the phase was not reached or not needed (a kept-alive socket). */
export interface AttemptTimings {
  /** Resolving the name. */
  dnsMs: number | null
  /** TCP. */
  connectMs: number | null
  /** The TLS handshake. */
  tlsMs: number | null
  /** From the request's last byte handed over to the response's head. */
  headersMs: number | null
  /** From the response's head to its last byte that was read. */
  bodyMs: number | null
}

/** How an attempt without a whole response ended. */
export interface AttemptError {
  /** The phase in which it ended; null for outcomes without one. */
  phase: AttemptPhase | null
  /** For `connection_failed`. */
  reason: ConnectionFailure | null
  /** For people: the text may change. At most 500 characters, without secrets. */
  message: string
}

/** One HTTP request for one delivery, as stored. Times are epoch milliseconds. */
export interface AttemptRecord {
  /** 1, 2, 3 … without a gap, over all rounds. */
  number: number
  /** The round of its delivery in which it was made. */
  round: number
  /** Where it went: the endpoint's URL at that moment. */
  url: string
  /** When it began. */
  startedAt: number
  /** Null when it was lost: nobody knows. */
  durationMs: number | null
  /** What became of it. */
  outcome: Outcome
  /** The response's status; null when there was none. */
  status: number | null
  /** As sent, but for the values of the endpoint's own headers, which are masked: tokens stand there. */
  requestHeaders: Record<string, string>
  /** The response's headers, 8 KiB of them at most, names in lower case; empty without a response. */
  responseHeaders: Record<string, string>
  /** The response's first bytes, up to the cap. */
  responseBody: Uint8Array | null
  /** The address that it was connected to; null: it was not connected. */
  remoteAddress: string | null
  /** Where the time went; null when that is not known. */
  timings: AttemptTimings | null
  /** Null when there was a whole response, whatever its status. */
  error: AttemptError | null
}
