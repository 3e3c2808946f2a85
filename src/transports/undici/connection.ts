import { connect, type Socket } from 'node:net'
import { connect as connectSecurely, type SecureContext } from 'node:tls'
import type { Dispatcher } from 'undici'
import type { ResolvedAddress } from '../../ports/resolver.ts'
import type { TransportRequest } from '../../ports/transport.ts'
import type { Carrier, Exchange } from '../exchange.ts'
import type { HeaderValues } from '../kept-headers.ts'
import { pinnedOptions } from '../pinned.ts'
import type { Driver } from './driver.ts'
import { ResponseFilter } from './response-filter.ts'
import type { TlsSessions } from './tls-sessions.ts'

/** Where a connection leads, and what it is told of. */
export interface Owner {
  readonly where: Where
  readonly means: Means
  /** It has brought a whole response, and can carry another request. */
  free(connection: Connection): void
  /** It is closed, or as good as that. */
  gone(connection: Connection): void
}

export interface Where {
  origin: string
  secure: boolean
  host: string
  port: number
}

/** What all connections of a transport are made with. */
export interface Means {
  driver: Driver
  keepAliveMs: number
  secureContext: SecureContext
  sessions: TlsSessions
}

/** What is sent over a connection. */
export interface Sending extends Pick<TransportRequest, 'addresses' | 'connectMs' | 'headers' | 'body'> {
  path: string
}

type Connected = (...result: [Error, null] | [null, Socket]) => void

/** A server that names its idle limit closes at about that moment: we leave this much earlier. */
const HINT_MARGIN_MS = 1_000

/**
 * One connection: a `Client` of undici, which makes a single one, and carries one exchange after the other. It is the handler
 * of its own requests, so that a request needs no other object.
 */
export class Connection implements Carrier, Dispatcher.DispatchHandler {
  readonly #owner: Owner
  readonly #client: Dispatcher
  #socket: Socket | null = null
  #filter: ResponseFilter | null = null
  #exchange: Exchange | null = null
  #sending: Pick<Sending, 'addresses' | 'connectMs'> | null = null
  #bodyBytes = 0
  #isGone = false

  constructor(owner: Owner) {
    this.#owner = owner
    const { driver, keepAliveMs } = owner.means
    const keepAliveTimeout = Math.max(1, keepAliveMs)
    this.#client = new driver.Client(owner.where.origin, {
      connect: (_where: unknown, connected: Connected) => this.#connect(connected),
      // Deadlines are the exchange's.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout,
      keepAliveMaxTimeout: keepAliveTimeout,
      keepAliveTimeoutThreshold: HINT_MARGIN_MS,
    })
    this.#client.on('disconnect', () => {
      if (this.#exchange === null) this.#leave()
    })
  }

  carry(exchange: Exchange, { path, headers, body, addresses, connectMs }: Sending): void {
    this.#exchange = exchange
    this.#sending = { addresses, connectMs }
    this.#bodyBytes = body.byteLength
    exchange.carriedBy(this)
    if (this.#socket !== null) exchange.over(this.#socket)
    if (exchange.settled) return
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#client.dispatch({ method: 'POST', path, headers, body: bytes }, this)
  }

  /** Gives it up, whatever goes on over it. */
  destroy(): void {
    this.#exchange = null
    this.#socket?.destroy()
    this.#leave()
  }

  onRequestStart(): void {
    const socket = this.#socket
    if (socket === null) return
    this.#filter?.expect(this.#exchange?.responseMaxBytes ?? 0)
    // Its bytes follow at once. So many are not taken at once; until they are, the request is not sent.
    const exchange = this.#exchange
    if (this.#bodyBytes < socket.writableHighWaterMark) exchange?.sent()
    else socket.once('drain', () => exchange?.sent())
  }

  onResponseStart(_controller: unknown, status: number, headers: HeaderValues): void {
    if (status < 200) this.#exchange?.interim()
    else this.#exchange?.head(status, headers)
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    const exchange = this.#exchange
    if (exchange === null || exchange.data(chunk)) return
    // Its end may be in the same packet, and the connection is worth keeping then.
    queueMicrotask(() => {
      if (exchange.settled) return
      exchange.succeed()
      this.destroy()
    })
  }

  onResponseEnd(): void {
    const exchange = this.#exchange
    if (exchange === null) return
    // TLS tells of its last write a turn later than of a quick answer.
    if (this.#isWritten()) this.#finish(exchange)
    else setImmediate(() => this.#finish(exchange))
  }

  onResponseError(_controller: unknown, error: Error): void {
    const exchange = this.#exchange
    // Such a response ends with its head, whatever length that tells; undici waits for the body.
    if (exchange?.isBodiless) {
      exchange.succeed()
      this.destroy()
    } else exchange?.failBy(error)
  }

  interim(): void {
    this.#exchange?.interim()
  }

  overflow(maxBytes: number): void {
    this.#exchange?.fail('protocol', `the response is longer than ${maxBytes} bytes`)
  }

  #isWritten(): boolean {
    return this.#socket?.writableLength === 0
  }

  #finish(exchange: Exchange): void {
    if (exchange.settled) return
    exchange.succeed()
    this.#exchange = null
    // A server may answer before it has read everything, and the connection is of no use then.
    if (this.#isWritten() && !this.#socket?.destroyed) this.#owner.free(this)
    else this.destroy()
  }

  /** Called by undici, at the first request and after a kept connection was closed just before its next. */
  #connect(connected: Connected): void {
    const exchange = this.#exchange
    const sending = this.#sending
    if (exchange === null || sending === null) {
      connected(new Error('nothing is to be sent any more'), null)
      return
    }
    const socket = this.#open(sending.addresses, sending.connectMs)
    this.#socket = socket
    this.#filter = new ResponseFilter(socket, this)
    exchange.over(socket)
    const failed = (error: Error) => connected(error, null)
    socket.once('error', failed)
    socket.once(this.#owner.where.secure ? 'secureConnect' : 'connect', () => {
      if (socket.destroyed) return
      socket.off('error', failed)
      connected(null, socket)
    })
  }

  #open(addresses: readonly ResolvedAddress[], connectMs: number): Socket {
    const { origin, secure, host, port } = this.#owner.where
    const { secureContext, sessions } = this.#owner.means
    const options = { host, port, noDelay: true, ...pinnedOptions(host, { addresses: [...addresses], connectMs }) }
    if (!secure) return connect(options)
    const session = sessions.get(origin)
    const socket = connectSecurely({
      ...options,
      ...(session && { session }),
      secureContext,
      ALPNProtocols: ['http/1.1'],
      // An environment variable of the host's must not switch that off.
      rejectUnauthorized: true,
    })
    return socket.on('session', (fresh) => sessions.set(origin, fresh))
  }

  #leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#owner.gone(this)
  }
}
