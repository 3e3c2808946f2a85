import { createSecureContext } from 'node:tls'
import { hostOf } from '../../runtime/host-of.ts'
import type { Exchange } from '../exchange.ts'
import type { SocketSettings } from '../options.ts'
import { poolKey } from '../pinned.ts'
import { Connection, type Means, type Owner, type Sending } from './connection.ts'
import type { Driver } from './driver.ts'
import { TlsSessions } from './tls-sessions.ts'

/** Connections of one transport: by where they lead, kept while something goes over them or they are idle, and no longer. */
export class ConnectionPool {
  readonly means: Means
  readonly maxPerHost: number
  readonly #maxIdle: number
  readonly #places = new Map<string, Place>()
  #idle = 0
  #closed = false

  constructor(driver: Driver, { keepAliveMs, maxIdleSockets, maxSocketsPerHost, tls }: SocketSettings) {
    this.maxPerHost = maxSocketsPerHost
    this.#maxIdle = keepAliveMs === 0 ? 0 : maxIdleSockets
    // One context for all: building it is the dear part.
    this.means = { driver, keepAliveMs, secureContext: createSecureContext(tls), sessions: new TlsSessions() }
  }

  get closed(): boolean {
    return this.#closed
  }

  send(url: URL, exchange: Exchange, sending: Sending): void {
    const key = poolKey(url, sending.addresses)
    let place = this.#places.get(key)
    if (place === undefined) {
      place = new Place(this, key, url)
      this.#places.set(key, place)
    }
    place.send(exchange, sending)
  }

  /** Whether one more may be idle; it is then counted. */
  keepsAnother(): boolean {
    if (this.#closed || this.#idle >= this.#maxIdle) return false
    this.#idle += 1
    return true
  }

  oneLessIdle(): void {
    this.#idle -= 1
  }

  forget(key: string): void {
    this.#places.delete(key)
  }

  close(): void {
    this.#closed = true
    for (const place of this.#places.values()) place.closeIdle()
  }
}

/** The connections to one host, port and set of addresses. */
class Place implements Owner {
  readonly where: Owner['where']
  readonly #pool: ConnectionPool
  readonly #key: string
  /** The last one used is used first, so that those too many fall idle. */
  readonly #idle: Connection[] = []
  readonly #waiting = new Map<Exchange, Sending>()
  #open = 0

  constructor(pool: ConnectionPool, key: string, url: URL) {
    this.#pool = pool
    this.#key = key
    const secure = url.protocol === 'https:'
    this.where = { origin: url.origin, secure, host: hostOf(url), port: Number(url.port) || (secure ? 443 : 80) }
  }

  get means(): Means {
    return this.#pool.means
  }

  send(exchange: Exchange, sending: Sending): void {
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      this.#pool.oneLessIdle()
      idle.carry(exchange, sending)
    } else if (this.#open < this.#pool.maxPerHost) {
      this.#open += 1
      new Connection(this).carry(exchange, sending)
    } else {
      this.#waiting.set(exchange, sending)
      exchange.carriedBy({ destroy: () => this.#waiting.delete(exchange) })
    }
  }

  free(connection: Connection): void {
    const next = this.#nextWaiting()
    if (next !== undefined) connection.carry(...next)
    else if (this.#pool.keepsAnother()) this.#idle.push(connection)
    else connection.destroy()
  }

  gone(connection: Connection): void {
    this.#open -= 1
    const index = this.#idle.indexOf(connection)
    if (index !== -1) {
      this.#idle.splice(index, 1)
      this.#pool.oneLessIdle()
    }
    const next = this.#nextWaiting()
    if (next !== undefined) this.send(...next)
    else if (this.#open === 0) this.#pool.forget(this.#key)
  }

  closeIdle(): void {
    for (const connection of [...this.#idle]) connection.destroy()
  }

  #nextWaiting(): [Exchange, Sending] | undefined {
    for (const next of this.#waiting) {
      this.#waiting.delete(next[0])
      return next
    }
    return undefined
  }
}
