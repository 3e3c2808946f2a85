import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { ResolvedAddress } from '../ports/resolver.ts'
import { hostOf } from '../runtime/host-of.ts'
import { IdleSockets } from './idle-sockets.ts'

export interface PoolOptions {
  maxSocketsPerHost: number
  maxIdleSockets: number
  keepAliveMs: number
  tls: SecureContextOptions
}

/** How one request wants its connection. */
export interface Pin {
  addresses: readonly ResolvedAddress[]
  connectMs: number
  /** Called while the request is being made, before it has a socket. */
  onRequest(request: http.ClientRequest): void
}

/** Keep-alive connections, each bound to the addresses that were checked when it was asked for. */
export interface ConnectionPool {
  readonly idle: IdleSockets
  /** An agent for one request: its connection leads to one of the pinned addresses, or is a kept one that does. */
  agentFor(url: URL, pin: Pin): http.Agent
}

/** What node:http calls on an agent, and what the pool gives it beyond the documented options. */
interface AgentInside {
  addRequest(request: http.ClientRequest, options: PinnedOptions): void
  getName(options: PinnedOptions): string
  keepSocketAlive(socket: Socket): boolean
  reuseSocket(socket: Socket, request: http.ClientRequest): void
}

interface PinnedOptions extends http.RequestOptions {
  poolKey?: string
  servername?: string
  autoSelectFamily?: boolean
  autoSelectFamilyAttemptTimeout?: number
}

export function createConnectionPool(options: PoolOptions): ConnectionPool {
  const idle = new IdleSockets(options.keepAliveMs, options.maxIdleSockets)
  const limits = { keepAlive: true, maxSockets: options.maxSocketsPerHost, maxFreeSockets: options.maxIdleSockets }
  const plain = keepBy(idle, new http.Agent(limits))
  // One context for all connections: building it is the dear part, and handshakes that fail then leave nothing behind.
  // Certificates are always checked; an environment variable of the host's must not switch that off.
  const secure = keepBy(
    idle,
    new https.Agent({ ...limits, secureContext: createSecureContext(options.tls), rejectUnauthorized: true }),
  )
  return { idle, agentFor: (url, pin) => pinned(url.protocol === 'https:' ? secure : plain, idle, url, pin) }
}

/** Hands the keeping of sockets to `idle`, and names sockets by our key: kept sockets serve only the addresses they have. */
function keepBy(idle: IdleSockets, agent: http.Agent): http.Agent {
  const { reuseSocket } = agent as unknown as AgentInside
  const inside: Pick<AgentInside, 'getName' | 'keepSocketAlive' | 'reuseSocket'> = {
    getName: (options) => options.poolKey ?? '',
    keepSocketAlive: (socket) => idle.keep(socket),
    reuseSocket: (socket, request) => {
      idle.take(socket)
      // Node's own takes its listener off the socket again.
      reuseSocket.call(agent, socket, request)
    },
  }
  return Object.assign(agent, inside)
}

/**
 * node-fetch passes an agent through to node:http but no connection options, so each request gets a view of the shared
 * agent that adds its own.
 */
function pinned(agent: http.Agent, idle: IdleSockets, url: URL, pin: Pin): http.Agent {
  const host = hostOf(url)
  const extra: PinnedOptions = {
    poolKey: poolKey(url, pin.addresses),
    lookup: answer(pin.addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptTimeout(pin),
    // Certificates and SNI know no trailing dot, and no addresses.
    servername: isIP(host) === 0 ? host.replace(/\.$/, '') : '',
  }
  const shared = agent as unknown as AgentInside
  const addRequest: AgentInside['addRequest'] = (request, options) => {
    pin.onRequest(request)
    request.once('response', (response) => idle.note(request, response))
    shared.addRequest(request, { ...options, ...extra })
  }
  return Object.create(agent, { addRequest: { value: addRequest } }) as http.Agent
}

function poolKey(url: URL, addresses: readonly ResolvedAddress[]): string {
  const set =
    addresses.length === 1
      ? (addresses[0]?.address ?? '')
      : addresses
          .map(({ address }) => address)
          .sort()
          .join()
  return `${url.protocol}${url.host}|${set}`
}

/** A `lookup` that knows one answer. */
function answer(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const wanted = typeof options.family === 'number' ? options.family : 0
    const fitting = wanted === 4 || wanted === 6 ? addresses.filter(({ family }) => family === wanted) : [...addresses]
    const first = fitting[0]
    if (options.all) return callback(null, fitting)
    if (first) return callback(null, first.address, first.family)
    callback(Object.assign(new Error('no checked address of this family'), { code: 'EADDRNOTAVAIL' }), '')
  }
}

/**
 * How long one address may take before the next is tried. Node's 250 ms gives up on far hosts for good; a share of
 * `connectMs` does not.
 */
function attemptTimeout({ connectMs, addresses }: Pin): number {
  return Math.round(Math.min(1_000, Math.max(250, connectMs / Math.max(1, addresses.length))))
}
