/**
 * The default transport: node-fetch over keep-alive connections of its own.
 *
 * @module
 */

import type { Readable } from 'node:stream'
import fetch from 'node-fetch'
import type { Transport, TransportRequest, TransportResponse } from '../ports/transport.ts'
import { Exchange } from './exchange.ts'
import { type ConnectionPool, createConnectionPool } from './node-fetch/connection-pool.ts'
import { followed } from './node-fetch/follow.ts'
import { type SocketOptions, socketSettings } from './options.ts'
import { refusal } from './pinned.ts'

export type { Pem } from './options.ts'

/** What `nodeFetchTransport` takes. Everything may be left out. */
export interface NodeFetchTransportOptions extends SocketOptions {}

/** The default transport: node-fetch over keep-alive connections of its own. Proxy variables of the environment are ignored. */
export function nodeFetchTransport(options: NodeFetchTransportOptions = {}): Transport {
  const pool = createConnectionPool(socketSettings(options, 'nodeFetchTransport'))
  return {
    name: 'node-fetch',
    send: (request) => send(pool, request),
    close: async () => pool.idle.close(),
  }
}

function send(pool: ConnectionPool, request: TransportRequest): Promise<TransportResponse> {
  const { addresses, connectMs, body } = request
  const url = new URL(request.url)
  const exchange = new Exchange(request, url.protocol === 'https:')
  const refused = pool.idle.closed ? 'the transport is closed' : refusal(url, addresses)
  if (refused !== null) exchange.fail('other', refused)
  if (exchange.settled) return exchange.response

  const { follow, read, failBy } = followed(exchange)
  fetch(request.url, {
    method: 'POST',
    headers: request.headers,
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    agent: pool.agentFor(url, { addresses, connectMs, onRequest: follow }),
    redirect: 'manual',
    compress: false,
  }).then((response) => read(response.body as Readable | null), failBy)
  return exchange.response
}
