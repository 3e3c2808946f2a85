import type { AttemptPhase, ConnectionFailure } from '../model/attempt.ts'
import type { TransportFailure } from '../ports/transport.ts'

/** A `TransportFailure` that can be thrown. */
export class RequestFailure extends Error implements TransportFailure {
  override readonly name = 'RequestFailure'
  readonly transportFailure = true
  readonly phase: AttemptPhase
  readonly reason: ConnectionFailure | null
  readonly connectTimedOut: boolean
  readonly status: number | null
  readonly headers: Record<string, string>
  readonly body: Uint8Array | null
  readonly remoteAddress: string | null
  readonly timings: TransportFailure['timings']

  constructor(failure: Omit<TransportFailure, 'transportFailure'>) {
    super(failure.message)
    this.phase = failure.phase
    this.reason = failure.reason
    this.connectTimedOut = failure.connectTimedOut
    this.status = failure.status
    this.headers = failure.headers
    this.body = failure.body
    this.remoteAddress = failure.remoteAddress
    this.timings = failure.timings
  }
}

const REASONS: Readonly<Record<string, ConnectionFailure>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'unreachable', // the kernel gave up; our own limits never arrive here
  EACCES: 'unreachable',
  EPERM: 'unreachable', // local firewalls answer with these two
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ERR_STREAM_PREMATURE_CLOSE: 'reset',
  EPROTO: 'tls',
  HPE_INVALID_EOF_STATE: 'reset', // it ended before it was complete
  UND_ERR_SOCKET: 'reset',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
}

/** Reads the reason off a failed socket, request or response. */
export function classify(error: unknown, phase: AttemptPhase): { reason: ConnectionFailure; message: string } {
  const causes = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
  const found = causes.map((cause) => reasonOf(cause, phase))
  // Of several addresses one that refused says more than one that could not be reached.
  const reason = found.find((one) => one === 'refused') ?? found[0] ?? 'other'
  return { reason, message: [...new Set(causes.map(messageOf))].join('; ') }
}

function reasonOf(error: unknown, phase: AttemptPhase): ConnectionFailure {
  const code = codeOf(error)
  // undici's, of a response to nothing and of a switch of protocols that nobody asked for.
  if (code === 'UND_ERR_SOCKET' && error instanceof Error && error.message.startsWith('bad ')) return 'protocol'
  const known = REASONS[code]
  if (known) return known
  // undici's errors of the parser may come without a code.
  if (code.startsWith('HPE_') || (error instanceof Error && error.name === 'HTTPParserError')) return 'protocol'
  return phase === 'tls' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') ? 'tls' : 'other'
}

function messageOf(error: unknown): string {
  const code = codeOf(error)
  const text = error instanceof Error && error.message !== '' ? error.message : String(error)
  return code === '' || text.includes(code) ? text : `${text} (${code})`
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
