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
  dnsMs: number | null
  connectMs: number | null
  tlsMs: number | null
  /** From the request's last byte handed over to the response's head. */
  headersMs: number | null
  bodyMs: number | null
}

export interface AttemptError {
  /** The phase in which it ended; null for outcomes without one. */
  phase: AttemptPhase | null
  /** For `connection_failed`. */
  reason: ConnectionFailure | null
  message: string
}

/** One HTTP request for one delivery, as stored. Times are epoch milliseconds. */
export interface AttemptRecord {
  /** 1, 2, 3 … without a gap, over all rounds. */
  number: number
  round: number
  url: string
  startedAt: number
  /** Null when it was lost: nobody knows. */
  durationMs: number | null
  outcome: Outcome
  status: number | null
  /** As sent, but for the values of the endpoint's own headers, which are masked: tokens stand there. */
  requestHeaders: Record<string, string>
  responseHeaders: Record<string, string>
  /** The response's first bytes, up to the cap. */
  responseBody: Uint8Array | null
  remoteAddress: string | null
  timings: AttemptTimings | null
  error: AttemptError | null
}
