/**
 * The fast transport: undici over keep-alive connections of its own.
 *
 * @module
 */

import type { Transport, TransportRequest, TransportResponse } from '../ports/transport.ts'
import { Exchange } from './exchange.ts'
import { type SocketOptions, socketSettings } from './options.ts'
import { refusal } from './pinned.ts'
import { loadDriver } from './undici/driver.ts'
import { ConnectionPool } from './undici/pool.ts'

export type { Pem } from './options.ts'

/** What `undiciTransport` takes. Everything may be left out. */
export interface UndiciTransportOptions extends SocketOptions {}

/**
 * A transport over undici 7, which is to be installed beside: several times the throughput of node-fetch's, with the same guards,
 * limits and outcomes. Proxy variables of the environment and undici's global dispatcher are ignored. Throws `driver_missing`,
 * `driver_unsupported`.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): Transport {
  const settings = socketSettings(options, 'undiciTransport')
  const pool = new ConnectionPool(loadDriver(), settings)
  return {
    name: 'undici',
    send: (request) => send(pool, request),
    close: async () => pool.close(),
  }
}

function send(pool: ConnectionPool, request: TransportRequest): Promise<TransportResponse> {
  const url = new URL(request.url)
  const exchange = new Exchange(request, url.protocol === 'https:')
  const refused = pool.closed ? 'the transport is closed' : refusal(url, request.addresses)
  if (refused !== null) exchange.fail('other', refused)
  if (exchange.settled) return exchange.response
  const { addresses, connectMs, headers, body } = request
  pool.send(url, exchange, { addresses, connectMs, headers, body, path: `${url.pathname}${url.search}` })
  return exchange.response
}
