import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { TransportRequest } from '../../ports/transport.ts'
import { hostOf } from '../../runtime/host-of.ts'
import { type SocketSettings, TLS_SESSIONS_MAX } from '../options.ts'
import { pinnedOptions, poolKey } from '../pinned.ts'
import { IdleSockets } from './idle-sockets.ts'

/** How one request wants its connection. */
export interface Pin extends Pick<TransportRequest, 'addresses' | 'connectMs'> {
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
}

export function createConnectionPool(settings: SocketSettings): ConnectionPool {
  const idle = new IdleSockets(settings.keepAliveMs, settings.maxIdleSockets)
  const limits = { keepAlive: true, maxSockets: settings.maxSocketsPerHost, maxFreeSockets: settings.maxIdleSockets }
  const plain = keepBy(idle, new http.Agent(limits))
  // One context for all connections: building it is the dear part, and handshakes that fail then leave nothing behind.
  // Certificates are always checked; an environment variable of the host's must not switch that off.
  const secure = keepBy(
    idle,
    new https.Agent({
      ...limits,
      secureContext: createSecureContext(settings.tls),
      rejectUnauthorized: true,
      maxCachedSessions: TLS_SESSIONS_MAX,
    }),
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
  const extra = { poolKey: poolKey(url, pin.addresses), ...pinnedOptions(hostOf(url), pin) }
  const shared = agent as unknown as AgentInside
  const addRequest: AgentInside['addRequest'] = (request, options) => {
    pin.onRequest(request)
    request.once('response', (response) => idle.note(request, response))
    shared.addRequest(request, { ...options, ...extra })
  }
  return Object.create(agent, { addRequest: { value: addRequest } }) as http.Agent
}
