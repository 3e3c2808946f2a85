import type { AttemptPhase, AttemptTimings, ConnectionFailure } from '../model/attempt.ts'
import type { ResolvedAddress } from './resolver.ts'

/** One HTTP POST, to be made exactly as given. */
export interface TransportRequest {
  /** `https:`, or `http:` where that is allowed. */
  url: string
  /** The checked addresses of the URL's host: a new connection goes to one of these and nowhere else. */
  addresses: ResolvedAddress[]
  /** All that are sent, names in lower case; those of the transport's own come beside them, such as `host`. */
  headers: Record<string, string>
  /** The exact bytes, signed already. */
  body: Uint8Array
  /** Milliseconds for connect and TLS together. */
  connectMs: number
  /** The response is read to this many bytes and no further; its socket is then given up. */
  responseBodyMaxBytes: number
  /** The same after a status of 200 to 299. */
  successBodyMaxBytes: number
  /** Response headers kept, in bytes of names and values. */
  responseHeadersMaxBytes: number
  /** Ends everything, wherever it is. */
  signal: AbortSignal
}

/** What came back. Redirects are not followed, content is not decompressed. */
export interface TransportResponse {
  /** The response's, whatever it says. */
  status: number
  /** Names in lower case; those that came more than once are joined by a comma. */
  headers: Record<string, string>
  /** The first bytes, as they came. */
  body: Uint8Array
  /** The address that the socket was really connected to. */
  remoteAddress: string | null
  /** Without that of the name, which was resolved before. */
  timings: Omit<AttemptTimings, 'dnsMs'>
}

/**
 * Makes HTTP requests over its own pool of connections. A request that brings no response rejects with a `TransportFailure`.
 */
export interface Transport {
  /** Short name for messages, such as `node-fetch`. */
  readonly name: string
  /** Resolves with whatever response came, an error status too. Never follows a redirect, never decompresses. */
  send(request: TransportRequest): Promise<TransportResponse>
  /** Closes idle connections at once; those in use when their request ends. */
  close(): Promise<void>
}

/** Why a request brought no (whole) response. Not for users: it becomes an attempt's outcome. */
export interface TransportFailure {
  /** Tells it from everything else that may be thrown. */
  readonly transportFailure: true
  /** How far it came. */
  phase: AttemptPhase
  /** Null when `signal` or `connectMs` ended it. */
  reason: ConnectionFailure | null
  /** True when `connectMs` ran out. */
  connectTimedOut: boolean
  /** For people. */
  message: string
  /** Of the response's head, where that had come. */
  status: number | null
  /** Those that had come; empty when there were none. */
  headers: Record<string, string>
  /** What of the body had come; null: nothing had. */
  body: Uint8Array | null
  /** The address that the socket was connected to; null: it was not. */
  remoteAddress: string | null
  /** As far as it came. */
  timings: Omit<AttemptTimings, 'dnsMs'>
}
