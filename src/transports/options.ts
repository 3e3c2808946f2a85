import { rootCertificates, type SecureContextOptions } from 'node:tls'
import { type Bounds, integer, plainObject } from '../arguments.ts'

/** What every transport over sockets takes, and its checks. */

/** A certificate or key as PEM: text, or the bytes of a file. */
export type Pem = string | Uint8Array

/** What transports over sockets take. Everything may be left out. */
export interface SocketOptions {
  /** How long an idle connection is kept; 0 keeps none. Below the 5 s after which common servers close. Default 4,000. */
  keepAliveMs?: number
  /** Idle connections kept in all. Each is a file descriptor and, with TLS, 55 KB (undici) to 100 KB (node-fetch). Default 2,048. */
  maxIdleSockets?: number
  /** Connections to one host and port. Requests beyond it wait inside of their deadline. Default no limit. */
  maxSocketsPerHost?: number
  /** Certificate authorities to trust besides Node's own, as PEM. */
  ca?: Pem | readonly Pem[]
  /** A client certificate, `cert` and its `key` as PEM and the key's `passphrase`, for receivers that ask for one. */
  clientCertificate?: { cert: Pem; key: Pem; passphrase?: string }
}

const KNOWN = ['keepAliveMs', 'maxIdleSockets', 'maxSocketsPerHost', 'ca', 'clientCertificate']

/** TLS sessions kept for resuming: those of the last servers met. Each is about 1 KB. */
export const TLS_SESSIONS_MAX = 1_024

/** The same, with every default in its place. */
export interface SocketSettings {
  keepAliveMs: number
  maxIdleSockets: number
  maxSocketsPerHost: number
  tls: SecureContextOptions
}

export function socketSettings(options: SocketOptions, path: string): SocketSettings {
  plainObject(options, path, KNOWN)
  const count = (key: 'keepAliveMs' | 'maxIdleSockets' | 'maxSocketsPerHost', otherwise: number, bounds: Bounds) =>
    options[key] === undefined ? otherwise : integer(options[key], `${path}.${key}`, bounds)
  return {
    keepAliveMs: count('keepAliveMs', 4_000, { min: 0, max: 600_000 }),
    maxIdleSockets: count('maxIdleSockets', 2_048, { min: 0, max: 65_535 }),
    maxSocketsPerHost: count('maxSocketsPerHost', Number.POSITIVE_INFINITY, { min: 1, max: 65_535 }),
    tls: tlsOptions(options),
  }
}

function tlsOptions({ ca, clientCertificate }: SocketOptions): SecureContextOptions {
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
