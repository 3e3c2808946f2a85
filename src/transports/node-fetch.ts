/**
 * The default transport: node-fetch over keep-alive connections of its own.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { rootCertificates, type SecureContextOptions } from 'node:tls'
import fetch from 'node-fetch'
import { type Bounds, integer, plainObject } from '../arguments.ts'
import type { Transport, TransportRequest, TransportResponse } from '../ports/transport.ts'
import { hostOf } from '../runtime/host-of.ts'
import { type ConnectionPool, createConnectionPool } from './connection-pool.ts'
import { Exchange } from './exchange.ts'
import { isAmong } from './peer.ts'

/** A certificate or key as PEM: text, or the bytes of a file. */
export type Pem = string | Uint8Array

/** What `nodeFetchTransport` takes. Everything may be left out. */
export interface NodeFetchTransportOptions {
  /** How long an idle connection is kept; 0 keeps none. Below the 5 s after which common servers close. Default 4,000. */
  keepAliveMs?: number
  /** Idle connections kept in all. Default 256. */
  maxIdleSockets?: number
  /** Connections to one host and port. Requests beyond it wait inside of their deadline. Default no limit. */
  maxSocketsPerHost?: number
  /** Certificate authorities to trust besides Node's own, as PEM. */
  ca?: Pem | readonly Pem[]
  /** A client certificate, `cert` and its `key` as PEM and the key's `passphrase`, for receivers that ask for one. */
  clientCertificate?: { cert: Pem; key: Pem; passphrase?: string }
}

const KNOWN = ['keepAliveMs', 'maxIdleSockets', 'maxSocketsPerHost', 'ca', 'clientCertificate']

/** The default transport: node-fetch over keep-alive connections of its own. Proxy variables of the environment are ignored. */
export function nodeFetchTransport(options: NodeFetchTransportOptions = {}): Transport {
  plainObject(options, 'nodeFetchTransport', KNOWN)
  const count = (key: 'keepAliveMs' | 'maxIdleSockets' | 'maxSocketsPerHost', otherwise: number, bounds: Bounds) =>
    options[key] === undefined ? otherwise : integer(options[key], `nodeFetchTransport.${key}`, bounds)
  const pool = createConnectionPool({
    keepAliveMs: count('keepAliveMs', 4_000, { min: 0, max: 600_000 }),
    maxIdleSockets: count('maxIdleSockets', 256, { min: 0, max: 65_535 }),
    maxSocketsPerHost: count('maxSocketsPerHost', Number.POSITIVE_INFINITY, { min: 1, max: 65_535 }),
    tls: tlsOptions(options),
  })
  return {
    name: 'node-fetch',
    send: (request) => send(pool, request),
    close: async () => pool.idle.close(),
  }
}

function send(pool: ConnectionPool, request: TransportRequest): Promise<TransportResponse> {
  const url = new URL(request.url)
  const exchange = new Exchange(request, url.protocol === 'https:')
  const refusal = pool.idle.closed ? 'the transport is closed' : refuse(url, request)
  if (refusal !== null) exchange.fail('other', refusal)
  if (exchange.settled) return exchange.response

  const { addresses, connectMs, body } = request
  fetch(request.url, {
    method: 'POST',
    headers: request.headers,
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    agent: pool.agentFor(url, { addresses, connectMs, onRequest: (outgoing) => exchange.follow(outgoing) }),
    redirect: 'manual',
    compress: false,
  }).then(
    (response) => exchange.read(response.body as Readable | null),
    (error: unknown) => exchange.failBy(error),
  )
  return exchange.response
}

/** Node asks no `lookup` about literals, so that they are compared here; without addresses there is nowhere to go. */
function refuse(url: URL, { addresses }: TransportRequest): string | null {
  if (addresses.length === 0) return 'blocked: no checked address was given'
  const host = hostOf(url)
  if (isIP(host) !== 0 && !isAmong(host, addresses)) return `blocked: ${host} is not one of the checked addresses`
  return null
}

function tlsOptions({ ca, clientCertificate }: NodeFetchTransportOptions): SecureContextOptions {
  const options: SecureContextOptions = {}
  // `ca` alone would replace Node's own authorities.
  if (ca !== undefined) options.ca = [...rootCertificates, ...(isPem(ca) ? [ca] : ca).map(buffered)]
  if (clientCertificate) {
    options.cert = buffered(clientCertificate.cert)
    options.key = buffered(clientCertificate.key)
    if (clientCertificate.passphrase !== undefined) options.passphrase = clientCertificate.passphrase
  }
  return options
}

function isPem(value: Pem | readonly Pem[]): value is Pem {
  return typeof value === 'string' || value instanceof Uint8Array
}

function buffered(value: Pem): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value)
}
