import type { AttemptPhase, ConnectionFailure } from '../model/attempt.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transport, TransportFailure, TransportRequest, TransportResponse } from '../ports/transport.ts'

/**
 * What a request meets: a `status`; a response of a `status`, with `headers` and a `body`; a connection that fails for the reason
 * `fail`, in the `phase` `connect` unless another one is given; or silence until the deadline. With `delayMs` it comes so much later,
 * by the clock.
 */
export type Reply =
  | number
  | { status: number; headers?: Record<string, string>; body?: string | Uint8Array; delayMs?: number }
  | { fail: ConnectionFailure; phase?: AttemptPhase; delayMs?: number }
  | 'hang'

/** A request as the receiver would have seen it. */
export interface SeenRequest {
  /** Where it went. */
  url: string
  /** All that were sent, the signature too; names in lower case. */
  headers: Record<string, string>
  /** The exact bytes. */
  body: Uint8Array
  /** The body read as JSON; undefined when it is none. */
  json: unknown
  /** When it was made, epoch milliseconds of the clock. */
  at: number
}

/** A `Transport` that does as it is told, and remembers what it was asked. */
export interface ScriptedTransport extends Transport {
  /** All requests made, in their order. */
  readonly requests: SeenRequest[]
  /** Replaces the script from the next request on. */
  reply(script: Reply | ((request: SeenRequest, index: number) => Reply)): void
}

/** A transport that makes no request. Answers 200 until told otherwise; waits on the given clock. */
export function scriptedTransport(
  clock: Clock,
  script: Reply | ((request: SeenRequest, index: number) => Reply) = 200,
): ScriptedTransport {
  const requests: SeenRequest[] = []
  let current = script
  return {
    name: 'scripted',
    requests,
    reply(next) {
      current = next
    },
    send(request) {
      const seen = seenOf(request, clock)
      requests.push(seen)
      return answer(clock, request, typeof current === 'function' ? current(seen, requests.length - 1) : current)
    },
    async close() {},
  }
}

/** Another transport, whose requests are noted down as well. */
export function recorded(transport: Transport, clock: Clock, requests: SeenRequest[]): Transport {
  return {
    name: transport.name,
    send(request) {
      requests.push(seenOf(request, clock))
      return transport.send(request)
    },
    close: () => transport.close(),
  }
}

function seenOf({ url, headers, body }: TransportRequest, clock: Clock): SeenRequest {
  return { url, headers: { ...headers }, body: body.slice(), json: jsonOf(body), at: clock.now() }
}

function answer(clock: Clock, request: TransportRequest, reply: Reply): Promise<TransportResponse> {
  const { signal } = request
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timer?.cancel()
      reject(failure('headers', null, 'interrupted'))
    }
    const finish = () => {
      signal.removeEventListener('abort', onAbort)
      const outcome = typeof reply === 'number' ? { status: reply } : reply
      if (outcome === 'hang') return
      if ('fail' in outcome) reject(failure(outcome.phase ?? 'connect', outcome.fail, `scripted: ${outcome.fail}`))
      else resolve(response(request, outcome))
    }
    const delayMs = typeof reply === 'object' ? (reply.delayMs ?? 0) : 0
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = reply === 'hang' || delayMs === 0 ? null : clock.after(delayMs, finish)
    if (signal.aborted) onAbort()
    else if (timer === null && reply !== 'hang') finish()
  })
}

function response(
  request: TransportRequest,
  reply: { status: number; headers?: Record<string, string>; body?: string | Uint8Array },
): TransportResponse {
  const success = reply.status >= 200 && reply.status <= 299
  const cap = success ? request.successBodyMaxBytes : request.responseBodyMaxBytes
  const body = typeof reply.body === 'string' ? new TextEncoder().encode(reply.body) : (reply.body ?? new Uint8Array())
  return {
    status: reply.status,
    headers: Object.fromEntries(
      Object.entries(reply.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: body.subarray(0, cap),
    remoteAddress: request.addresses[0]?.address ?? null,
    timings: NO_TIMINGS,
  }
}

const NO_TIMINGS = Object.freeze({ connectMs: null, tlsMs: null, headersMs: 0, bodyMs: 0 })

function failure(phase: AttemptPhase, reason: ConnectionFailure | null, message: string): TransportFailure & Error {
  return Object.assign(new Error(message), {
    transportFailure: true as const,
    phase,
    reason,
    connectTimedOut: false,
    status: null,
    headers: {},
    body: null,
    remoteAddress: null,
    timings: NO_TIMINGS,
  })
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}
