import type { Socket } from 'node:net'
import type { AttemptPhase, ConnectionFailure } from '../model/attempt.ts'
import type { TransportRequest, TransportResponse } from '../ports/transport.ts'
import { classify, RequestFailure } from './failure.ts'
import { type HeaderValues, keptHeaders } from './kept-headers.ts'
import { isAmong } from './peer.ts'
import { Stopwatch } from './stopwatch.ts'

/** Interim responses (status 1xx) that an answer may have before it. Honest servers send one or two; each costs the host time. */
const INTERIM_MAX = 32

/** What a response may have beside what is kept of its body: its head, and the frames of its chunks. */
const FRAME_BYTES = 131_072
const FRAMES_PER_BYTE = 8

/** What a request is carried by: destroyed with its socket when the request ends early. */
export interface Carrier {
  destroy(): unknown
}

/**
 * One request on its way, whatever client makes it: is told of its socket, its sending and its response, and settles exactly
 * once. Whatever ends it early destroys what carries it, so that nothing goes on behind our back.
 */
export class Exchange {
  readonly response: Promise<TransportResponse>
  readonly #request: TransportRequest
  readonly #secure: boolean
  readonly #watch: Stopwatch
  readonly #chunks: Uint8Array[] = []
  #size = 0
  #interim = 0
  #phase: AttemptPhase = 'connect'
  #carrier: Carrier | null = null
  #head: { status: number; headers: Record<string, string> } | null = null
  #remoteAddress: string | null = null
  #connectTimer: NodeJS.Timeout | undefined
  #settled = false
  #resolve!: (response: TransportResponse) => void
  #reject!: (failure: RequestFailure) => void

  constructor(request: TransportRequest, secure: boolean) {
    this.#request = request
    this.#secure = secure
    this.#watch = new Stopwatch(secure)
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (request.signal.aborted) this.#onAbort()
    else request.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get settled(): boolean {
    return this.#settled
  }

  /** No honest response is longer before it is read no further. */
  get responseMaxBytes(): number {
    const { successBodyMaxBytes, responseBodyMaxBytes } = this.#request
    return FRAME_BYTES + FRAMES_PER_BYTE * Math.max(successBodyMaxBytes, responseBodyMaxBytes)
  }

  /** Whether the response that has begun is one that has no body (RFC 9110, 6.4.1). */
  get isBodiless(): boolean {
    return this.#head?.status === 204 || this.#head?.status === 304
  }

  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier
  }

  /** The socket that it goes over, new or kept. */
  over(socket: Socket): void {
    if (this.#settled) {
      socket.destroy()
      return
    }
    if (!socket.connecting) {
      if (this.#acceptPeer(socket)) this.#phase = 'request'
      return
    }
    this.#phase = 'connect'
    this.#watch.mark('socket')
    this.#connectTimer = setTimeout(() => {
      const { connectMs } = this.#request
      this.fail(null, `no ${this.#secure ? 'secure ' : ''}connection within ${connectMs} ms`, true)
    }, this.#request.connectMs)
    this.#connectTimer.unref()
    socket.once('connect', () => {
      this.#watch.mark('connected')
      if (!this.#acceptPeer(socket)) return
      if (this.#secure) this.#phase = 'tls'
      else this.#connected()
    })
    if (this.#secure) {
      socket.once('secureConnect', () => {
        this.#watch.mark('secured')
        this.#connected()
      })
    }
  }

  /** Its last byte was handed over. */
  sent(): void {
    this.#watch.mark('sent')
    if (this.#phase === 'request') this.#phase = 'headers'
  }

  /** An interim response came. */
  interim(): void {
    this.#interim += 1
    if (this.#interim > INTERIM_MAX) this.fail('protocol', `more than ${INTERIM_MAX} interim responses`)
  }

  /** The response's head, which is none of an interim response. */
  head(status: number, headers: HeaderValues): void {
    this.#head = { status, headers: keptHeaders(headers, this.#request.responseHeadersMaxBytes) }
    this.#watch.mark('head')
    this.#phase = 'body'
  }

  /** A piece of the response's body, kept to the cap. False: it goes on behind the cap, and is to be read no further. */
  data(chunk: Uint8Array): boolean {
    if (this.#settled) return false
    const room = this.#bodyMaxBytes() - this.#size
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#size += Math.min(chunk.length, room)
    return chunk.length <= room
  }

  /** There is a whole response. What carried it is left to whoever knows whether it can be used again. */
  succeed(): void {
    const head = this.#head
    if (head === null || !this.#end()) return
    this.#resolve({
      ...head,
      body: Buffer.concat(this.#chunks),
      remoteAddress: this.#remoteAddress,
      timings: this.#watch.timings(),
    })
  }

  failBy(error: unknown): void {
    if (this.#settled) return
    const { reason, message } = classify(error, this.#phase)
    this.fail(reason, message)
  }

  fail(reason: ConnectionFailure | null, message: string, connectTimedOut = false): void {
    if (!this.#end()) return
    this.#carrier?.destroy()
    const head = this.#head
    this.#reject(
      new RequestFailure({
        phase: this.#phase,
        reason,
        connectTimedOut,
        message,
        status: head?.status ?? null,
        headers: head?.headers ?? {},
        body: head === null ? null : Buffer.concat(this.#chunks),
        remoteAddress: this.#remoteAddress,
        timings: this.#watch.timings(),
      }),
    )
  }

  #bodyMaxBytes(): number {
    const status = this.#head?.status ?? 0
    const succeeded = status >= 200 && status < 300
    return succeeded ? this.#request.successBodyMaxBytes : this.#request.responseBodyMaxBytes
  }

  /** Whether this call was the one that ended it. */
  #end(): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#connectTimer)
    this.#request.signal.removeEventListener('abort', this.#onAbort)
    return true
  }

  readonly #onAbort = (): void => this.fail(null, 'the request was ended from outside')

  #connected(): void {
    clearTimeout(this.#connectTimer)
    this.#phase = 'request'
  }

  /** The last line of defence: whatever led here, not a byte goes to an address that was not checked. */
  #acceptPeer(socket: Socket): boolean {
    const peer = socket.remoteAddress
    if (peer === undefined) {
      this.fail('reset', 'the connection closed as soon as it was made')
      return false
    }
    this.#remoteAddress = peer
    if (isAmong(peer, this.#request.addresses)) return true
    socket.destroy()
    this.fail('other', `blocked: connected to ${peer}, which is not one of the checked addresses`)
    return false
  }
}
