import { Agent } from 'node:http'
import type { Transport } from 'hookferry'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import { undiciTransport } from 'hookferry/transports/undici'
import fetch from 'node-fetch'
import { request, Agent as UndiciAgent } from 'undici'
import { BODY, closedLoop } from './loop.ts'

/** The HTTP clients, each with our transport over it and as it is used without any of our code. */
export const CLIENTS = ['undici', 'node-fetch'] as const
export type Client = (typeof CLIENTS)[number]

interface ClientBench {
  transport(): Transport
  /** One POST after the other over connections that are kept, at most so many. */
  bare(connections: number): { post(url: string, more?: Record<string, string>): Promise<unknown>; close(): void }
  /** So many that a run takes about two seconds of each. */
  counts: { bare: number; ours: number }
  /** What end to end is to be of the bare loop: in a closed loop, and from a backlog. */
  targets: { closed: number; backlog: number }
}

const body = Buffer.from(BODY)
const headers = { 'content-type': 'application/json' }

export const BENCHES: Record<Client, ClientBench> = {
  undici: {
    transport: undiciTransport,
    bare(connections) {
      const dispatcher = new UndiciAgent({ connections, pipelining: 1 })
      return {
        post: async (url, more) => {
          const response = await request(url, {
            method: 'POST',
            body,
            headers: more ? { ...headers, ...more } : headers,
            dispatcher,
          })
          return response.body.arrayBuffer()
        },
        close: () => void dispatcher.destroy(),
      }
    },
    counts: { bare: 20_000, ours: 8_000 },
    targets: { closed: 0.4, backlog: 0.33 },
  },
  'node-fetch': {
    transport: nodeFetchTransport,
    bare(connections) {
      const agent = new Agent({ keepAlive: true, maxSockets: connections })
      return {
        post: async (url, more) => {
          const response = await fetch(url, {
            method: 'POST',
            body,
            headers: more ? { ...headers, ...more } : headers,
            agent,
          })
          return response.arrayBuffer()
        },
        close: () => agent.destroy(),
      }
    },
    counts: { bare: 6_000, ours: 4_000 },
    targets: { closed: 0.6, backlog: 0.55 },
  },
}

export interface Cost {
  perSecond: number
  /** Of this process, all its threads. */
  cpuMicros: number
}

/** The client alone, on this machine now: what our figures are a share of. */
export async function bareLoop(client: Client, count: number, inFlight: number, url: string): Promise<Cost> {
  const { post, close } = BENCHES[client].bare(inFlight)
  const cost = await costOf(count, () => closedLoop(count, inFlight, () => post(url)))
  close()
  return cost
}

export async function costOf(count: number, work: () => Promise<number>): Promise<Cost> {
  const before = process.cpuUsage()
  const perSecond = await work()
  const { user, system } = process.cpuUsage(before)
  return { perSecond, cpuMicros: (user + system) / count }
}
