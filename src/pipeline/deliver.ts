import { messageOf } from '../errors.ts'
import type { AttemptError, AttemptPhase, AttemptRecord, ConnectionFailure, Outcome } from '../model/attempt.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Resolve, ResolvedAddress } from '../ports/resolver.ts'
import type { Transport, TransportFailure, TransportResponse } from '../ports/transport.ts'

/** Step 5: one HTTP attempt becomes one record of what happened. Never throws: an endpoint's failure is data. */

export interface AttemptLimits {
  deadlineMs: number
  connectMs: number
  responseBodyMaxBytes: number
  successBodyMaxBytes: number
  responseHeadersMaxBytes: number
}

export interface DeliverInput {
  number: number
  round: number
  url: string
  headers: Record<string, string>
  body: Uint8Array
  limits: AttemptLimits
  /** Addresses that this endpoint may have beside public ones. */
  allowRanges: readonly string[]
}

/** What ends an attempt that does not end by itself. */
export type EndedBy = 'deadline' | 'shutdown'

export interface DeliverPorts {
  clock: Clock
  /** Calls `end` once, `deadlineMs` from now or when this process shuts down, unless it is canceled before. */
  watch: (deadlineMs: number, end: (by: EndedBy) => void) => Timer
  transport: Transport
  resolve: Resolve
  /** The host to resolve, or the literal address that needs no resolving. Throws when the URL is refused. */
  target: (url: string, allowRanges: readonly string[]) => { host: string; literal: ResolvedAddress | null }
  /** Why an address is forbidden; null when it is allowed. */
  judge: (address: string, allowRanges: readonly string[]) => string | null
}

/** How an attempt ended before there was a whole response. */
class Ended extends Error {
  readonly outcome: Outcome
  readonly phase: AttemptPhase
  readonly reason: ConnectionFailure | null

  constructor(outcome: Outcome, phase: AttemptPhase, reason: ConnectionFailure | null, message: string) {
    super(message)
    this.outcome = outcome
    this.phase = phase
    this.reason = reason
  }
}

/** More addresses than any honest name has; a larger answer is refused unread. */
const ADDRESSES_MAX = 64

/** How long an interrupted transport may take to tell how far it came. */
const GRACE_MS = 100

export function deliver(input: DeliverInput, ports: DeliverPorts): Promise<AttemptRecord> {
  return new Promise((resolve) => new Flight(input, ports, resolve).begin())
}

/** An attempt under way. It ends with the first record. */
class Flight {
  readonly #input: DeliverInput
  readonly #ports: DeliverPorts
  readonly #resolve: (record: AttemptRecord) => void
  readonly #startedAt: number
  readonly #started: number
  readonly #progress: Progress = { dnsMs: null, phase: 'dns' }
  readonly #abort = new AbortController()
  #watch: Timer | null = null
  #grace: Timer | null = null
  #ended: Ended | null = null

  constructor(input: DeliverInput, ports: DeliverPorts, resolve: (record: AttemptRecord) => void) {
    this.#input = input
    this.#ports = ports
    this.#resolve = resolve
    this.#startedAt = ports.clock.now()
    this.#started = ports.clock.monotonic()
  }

  begin(): void {
    this.#watch = this.#ports.watch(this.#input.limits.deadlineMs, (by) => this.#giveUp(by))
    request(this.#input, this.#ports, this.#abort.signal, this.#progress).then(
      (ending) => this.#end(ending),
      (error) => this.#end(endingOf(error, this.#ended, this.#progress)),
    )
  }

  #giveUp(by: EndedBy): void {
    const { phase } = this.#progress
    const { deadlineMs } = this.#input.limits
    const verdict =
      by === 'deadline'
        ? new Ended('timed_out', phase, null, `no whole response within ${deadlineMs} ms`)
        : new Ended('aborted', phase, null, 'the sender was stopped')
    this.#ended = verdict
    this.#abort.abort(verdict)
    // A transport that obeys its signal ends at once and tells how far it came; one that does not is left behind.
    this.#grace = this.#ports.clock.after(GRACE_MS, () => this.#end(endingOf(verdict, verdict, this.#progress)))
  }

  #end(ending: Ending): void {
    this.#watch?.cancel()
    this.#grace?.cancel()
    const { number, round, url, headers } = this.#input
    const durationMs = this.#ports.clock.monotonic() - this.#started
    this.#resolve({ number, round, url, startedAt: this.#startedAt, durationMs, requestHeaders: headers, ...ending })
  }
}

type Ending = Omit<AttemptRecord, 'number' | 'round' | 'url' | 'startedAt' | 'durationMs' | 'requestHeaders'>
type Progress = { dnsMs: number | null; phase: AttemptPhase }

async function request(
  input: DeliverInput,
  ports: DeliverPorts,
  signal: AbortSignal,
  progress: Progress,
): Promise<Ending> {
  const addresses = await checkedAddresses(input, ports, signal, progress)
  progress.phase = 'connect'
  signal.throwIfAborted()
  const { connectMs, responseBodyMaxBytes, successBodyMaxBytes, responseHeadersMaxBytes } = input.limits
  const response = await ports.transport.send({
    url: input.url,
    addresses,
    headers: input.headers,
    body: input.body,
    connectMs,
    responseBodyMaxBytes,
    successBodyMaxBytes,
    responseHeadersMaxBytes,
    signal,
  })
  if (!isResponse(response)) throw new Error('the transport answered with what is no response')
  if (response.remoteAddress !== null && ports.judge(response.remoteAddress, input.allowRanges) !== null) {
    throw new Ended('blocked', 'connect', null, 'connected to an address that is not allowed')
  }
  return endingOfResponse(response, progress)
}

/** A transport may be the host's own: what it answers is read by all that follows, so that it is looked at here. */
function isResponse({ status, headers, body }: TransportResponse): boolean {
  const named = typeof headers === 'object' && headers !== null
  return (
    Number.isInteger(status) &&
    named &&
    Object.values(headers).every((value) => typeof value === 'string') &&
    ArrayBuffer.isView(body)
  )
}

function endingOfResponse(response: TransportResponse, progress: Progress): Ending {
  return {
    outcome: outcomeOf(response.status),
    status: response.status,
    responseHeaders: response.headers,
    responseBody: response.body,
    remoteAddress: response.remoteAddress,
    timings: { dnsMs: progress.dnsMs, ...response.timings },
    error: null,
  }
}

/** Success is 200 to 299 and nothing else; 410 means that the customer is gone (Standard Webhooks 1.0.0). */
function outcomeOf(status: number): Outcome {
  if (status >= 200 && status <= 299) return 'delivered'
  return status === 410 ? 'gone' : 'rejected'
}

/** The addresses of the URL's host, every one of them allowed; else `blocked`. */
async function checkedAddresses(
  { url, allowRanges }: DeliverInput,
  ports: DeliverPorts,
  signal: AbortSignal,
  progress: Progress,
): Promise<ResolvedAddress[]> {
  let target: ReturnType<DeliverPorts['target']>
  try {
    target = ports.target(url, allowRanges)
  } catch (error) {
    throw new Ended('blocked', 'dns', null, messageOf(error))
  }
  const addresses = target.literal === null ? await resolved(target.host, ports, signal, progress) : [target.literal]
  for (const { address } of addresses) {
    const reason = ports.judge(address, allowRanges)
    if (reason === null) continue
    // The record is shown to the customer: what a name means in the operator's network is not the customer's to learn.
    const what =
      target.literal === null
        ? 'the host leads to an address that is not allowed'
        : `${address} is not allowed: ${reason}`
    throw new Ended('blocked', 'dns', null, what)
  }
  return addresses
}

async function resolved(
  host: string,
  ports: DeliverPorts,
  signal: AbortSignal,
  progress: Progress,
): Promise<ResolvedAddress[]> {
  const began = ports.clock.monotonic()
  try {
    const addresses = await ports.resolve(host, { signal })
    if (addresses.length === 0) throw new Error('the name has no address')
    if (addresses.length > ADDRESSES_MAX)
      throw new Error(`the name has ${addresses.length} addresses, over ${ADDRESSES_MAX}`)
    return addresses
  } catch (error) {
    throw new Ended('connection_failed', 'dns', 'dns', `${host} could not be resolved: ${messageOf(error)}`)
  } finally {
    progress.dnsMs = ports.clock.monotonic() - began
  }
}

function endingOf(error: unknown, ended: Ended | null, progress: Progress): Ending {
  const failure = isTransportFailure(error) ? error : null
  const verdict = ended ?? verdictOf(error, failure, progress)
  const detail: AttemptError = {
    phase: failure?.phase ?? verdict.phase,
    reason: verdict.reason,
    message: verdict.message,
  }
  return {
    outcome: verdict.outcome,
    status: failure?.status ?? null,
    responseHeaders: failure?.headers ?? {},
    responseBody: failure?.body ?? null,
    remoteAddress: failure?.remoteAddress ?? null,
    timings: failure === null ? emptyTimings(progress.dnsMs) : { dnsMs: progress.dnsMs, ...failure.timings },
    error: detail,
  }
}

/** Whether a transport's rejection tells how far the request came. */
export function isTransportFailure(value: unknown): value is TransportFailure {
  return typeof value === 'object' && value !== null && 'transportFailure' in value
}

function verdictOf(error: unknown, failure: TransportFailure | null, progress: Progress): Ended {
  if (error instanceof Ended) return error
  if (failure === null) return new Ended('connection_failed', progress.phase, 'other', messageOf(error))
  if (failure.connectTimedOut) return new Ended('timed_out', failure.phase, null, failure.message)
  return new Ended('connection_failed', failure.phase, failure.reason ?? 'other', failure.message)
}

const emptyTimings = (dnsMs: number | null) => ({ dnsMs, connectMs: null, tlsMs: null, headersMs: null, bodyMs: null })
