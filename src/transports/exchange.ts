import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { AttemptPhase, ConnectionFailure } from '../model/attempt.ts'
import type { TransportRequest, TransportResponse } from '../ports/transport.ts'
import { classify, RequestFailure } from './failure.ts'
import { keptHeaders } from './kept-headers.ts'
import { isAmong } from './peer.ts'
import { Stopwatch } from './stopwatch.ts'

/**
 * One request on its way: watches its socket, request and response, and settles exactly once. Whatever ends it early
 * destroys the socket, so that nothing goes on behind our back.
 */
export class Exchange {
  readonly response: Promise<TransportResponse>
  readonly #request: TransportRequest
  readonly #secure: boolean
  readonly #watch: Stopwatch
  readonly #chunks: Uint8Array[] = []
  #size = 0
  #phase: AttemptPhase = 'connect'
  #outgoing: ClientRequest | undefined
  #incoming: IncomingMessage | undefined
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

  /** Takes over the request as soon as it exists. */
  follow(outgoing: ClientRequest): void {
    this.#outgoing = outgoing
    outgoing.once('socket', (socket) => this.#onSocket(socket))
    outgoing.once('finish', () => this.#onSent())
    outgoing.once('response', (incoming) => this.#onHead(incoming))
    outgoing.once('upgrade', (_incoming, socket) => {
      socket.destroy()
      this.fail('protocol', 'the server switched protocols without being asked')
    })
    outgoing.once('error', (error) => this.failBy(error))
  }

  /** Reads the response's body, to the cap and no further. */
  read(body: Readable | null): void {
    const status = this.#incoming?.statusCode ?? 0
    const succeeded = status >= 200 && status < 300
    const cap = succeeded ? this.#request.successBodyMaxBytes : this.#request.responseBodyMaxBytes
    if (body === null) {
      this.#succeed()
      return
    }
    body.on('data', (chunk: Uint8Array) => {
      if (this.#settled) return
      const room = cap - this.#size
      this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
      this.#size += Math.min(chunk.length, room)
      if (chunk.length > room) this.#succeed()
    })
    body.once('end', () => this.#succeed())
    body.on('error', (error) => this.failBy(error))
    body.once('close', () => this.fail('reset', 'the response ended before it was complete'))
  }

  failBy(error: unknown): void {
    if (this.#settled) return
    // node-fetch looks for the last chunk's bytes by itself, and misses some that node's parser has understood.
    if (this.#incoming?.complete) {
      this.#succeed()
      return
    }
    const { reason, message } = classify(error, this.#phase)
    this.fail(reason, message)
  }

  fail(reason: ConnectionFailure | null, message: string, connectTimedOut = false): void {
    if (!this.#end()) return
    this.#outgoing?.destroy()
    const incoming = this.#incoming
    this.#reject(
      new RequestFailure({
        phase: this.#phase,
        reason,
        connectTimedOut,
        message,
        status: incoming?.statusCode ?? null,
        headers: incoming ? keptHeaders(incoming.headers, this.#request.responseHeadersMaxBytes) : {},
        body: incoming ? Buffer.concat(this.#chunks) : null,
        remoteAddress: this.#remoteAddress,
        timings: this.#watch.timings(),
      }),
    )
  }

  #succeed(): void {
    const incoming = this.#incoming
    if (!incoming || !this.#end()) return
    // A server may answer before it has read everything, and a body may go on behind the cap: such sockets are given up.
    if (!incoming.complete || !this.#outgoing?.writableFinished) this.#outgoing?.destroy()
    this.#resolve({
      status: incoming.statusCode ?? 0,
      headers: keptHeaders(incoming.headers, this.#request.responseHeadersMaxBytes),
      body: Buffer.concat(this.#chunks),
      remoteAddress: this.#remoteAddress,
      timings: this.#watch.timings(),
    })
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

  #onSocket(socket: Socket): void {
    if (this.#settled) {
      socket.destroy()
      return
    }
    if (!socket.connecting) {
      if (this.#acceptPeer(socket)) this.#phase = 'request'
      return
    }
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

  #onSent(): void {
    this.#watch.mark('sent')
    if (this.#phase === 'request') this.#phase = 'headers'
  }

  #onHead(incoming: IncomingMessage): void {
    this.#incoming = incoming
    this.#watch.mark('head')
    this.#phase = 'body'
  }
}
