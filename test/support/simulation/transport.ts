import type { ConnectionFailure } from '../../../src/model/attempt.ts'
import type { Resolve } from '../../../src/ports/resolver.ts'
import type { Transport, TransportFailure, TransportRequest, TransportResponse } from '../../../src/ports/transport.ts'
import type { Chance } from './chance.ts'
import type { Ledger } from './ledger.ts'
import type { RequestModel, RetryAfter } from './model.ts'
import type { SimProcess } from './process.ts'
import { never } from './process-clock.ts'

/** How an endpoint treats requests, until it changes its mind. */
export type Behaviour =
  | 'healthy'
  | 'flaky'
  | 'failing'
  | 'refusing'
  | 'hanging'
  | 'throttling'
  | 'gone'
  | 'nameless'
  /** Its response kills the process that reads it. */
  | 'deadly'

export const BEHAVIOURS: readonly Behaviour[] = [
  'healthy',
  'healthy',
  'flaky',
  'flaky',
  'failing',
  'refusing',
  'hanging',
  'throttling',
  'gone',
  'nameless',
  'deadly',
]

type Reply =
  | { status: number; delayMs: number; retryAfter?: RetryAfter; late?: boolean }
  | { fail: ConnectionFailure; delayMs: number }
  | { kills: true; delayMs: number }
  /** Silence: until the request is given up, or deaf even to that. */
  | { silent: 'until given up' | 'for ever' }

/** The network outside of the processes: endpoints by host name. */
export class Network {
  readonly #chance: Chance
  readonly #deadly: boolean
  readonly #behaviours = new Map<string, Behaviour>()
  #healed = false

  constructor(chance: Chance, deadly: boolean) {
    this.#chance = chance
    this.#deadly = deadly
  }

  set(host: string, behaviour: Behaviour): void {
    this.#behaviours.set(host, behaviour)
  }

  /** From now on every endpoint answers 200 at once. */
  heal(): void {
    this.#healed = true
  }

  resolve: Resolve = async (host) => {
    if (this.#behaviourOf(host) === 'nameless') throw new Error('simulated: no such name')
    return [{ address: '93.184.215.14', family: 4 }]
  }

  reply(host: string, now: number): Reply {
    const chance = this.#chance
    const delayMs = chance.of(0.5) ? 0 : chance.int(1, 300)
    switch (this.#behaviourOf(host)) {
      case 'flaky':
        return this.#flaky(delayMs, now)
      case 'deadly':
        return this.#deadly && chance.of(0.7) ? { kills: true, delayMs } : { status: 500, delayMs }
      case 'failing':
        return { status: chance.pick([500, 500, 302, 404, 400]), delayMs }
      case 'refusing':
        return { fail: chance.pick(['refused', 'reset', 'tls', 'unreachable']), delayMs }
      case 'hanging':
        if (chance.of(0.6)) return { silent: 'until given up' }
        if (chance.of(0.5)) return { silent: 'for ever' }
        // After most deadlines, and deaf to being given up.
        return { status: 200, delayMs: chance.int(100, 20_000), late: true }
      case 'throttling':
        return { status: chance.pick([429, 503, 502]), delayMs, ...this.#retryAfter(now) }
      case 'gone':
        return { status: chance.of(0.5) ? 410 : 500, delayMs }
      default:
        return { status: chance.pick([200, 204]), delayMs: this.#healed ? 0 : delayMs }
    }
  }

  #behaviourOf(host: string): Behaviour {
    return this.#healed ? 'healthy' : (this.#behaviours.get(host) ?? 'healthy')
  }

  #flaky(delayMs: number, now: number): Reply {
    const chance = this.#chance
    if (chance.of(0.5)) return { status: 200, delayMs }
    if (chance.of(0.4)) return { status: 500, delayMs, ...this.#retryAfter(now) }
    if (chance.of(0.3)) return { status: 429, delayMs, ...this.#retryAfter(now) }
    return chance.of(0.5) ? { fail: 'reset', delayMs } : { silent: 'until given up' }
  }

  #retryAfter(now: number): { retryAfter?: RetryAfter } {
    const chance = this.#chance
    const seconds = chance.pick([0, 1, 5, 60, 3_600])
    if (chance.of(0.3)) return {}
    return { retryAfter: chance.of(0.6) ? { seconds } : { date: Math.ceil(now / 1_000 + seconds) * 1_000 } }
  }
}

/** What one process sends through. Once the process is dead nothing comes back. */
export function processTransport(process: SimProcess, network: Network, ledger: Ledger): Transport {
  return {
    name: 'simulated',
    async send(request) {
      if (process.dead) return never()
      const { hostname } = new URL(request.url)
      const seen = ledger.request(process, request)
      const reply = network.reply(hostname, process.clock.now())
      ledger.note(() => `${process.name} → ${hostname} #${seen?.grant.claim}: ${JSON.stringify(reply)}`)
      return answer(process, request, reply, seen)
    },
    async close() {
      process.transportClosed = true
    },
  }
}

function answer(
  process: SimProcess,
  request: TransportRequest,
  reply: Reply,
  seen: RequestModel | null,
): Promise<TransportResponse> {
  const { signal } = request
  return new Promise((resolve, reject) => {
    const over = () => {
      if (seen === null) return
      seen.endedAt ??= process.trueMonotonic()
      process.inFlight.delete(seen)
    }
    const deaf = ('silent' in reply && reply.silent === 'for ever') || ('late' in reply && reply.late === true)
    const onAbort = () => {
      over()
      if (deaf || process.dead) return
      timer?.cancel()
      reject(failure(null, 'simulated: given up'))
    }
    const finish = () => {
      signal.removeEventListener('abort', onAbort)
      over()
      if (process.dead || 'silent' in reply) return
      if ('kills' in reply) {
        process.crash()
        return
      }
      if ('fail' in reply) return reject(failure(reply.fail, `simulated: ${reply.fail}`))
      if (seen !== null) {
        seen.status = reply.status
        seen.retryAfter = reply.retryAfter ?? null
      }
      resolve(response(request, reply.status, reply.retryAfter))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = 'silent' in reply || reply.delayMs === 0 ? null : process.machine.world.after(reply.delayMs, finish)
    if (signal.aborted) onAbort()
    else if (timer === null && !('silent' in reply)) finish()
  })
}

function response(request: TransportRequest, status: number, retryAfter: RetryAfter | undefined): TransportResponse {
  const headers: Record<string, string> = {}
  if (retryAfter !== undefined) {
    headers['retry-after'] =
      'seconds' in retryAfter ? String(retryAfter.seconds) : new Date(retryAfter.date).toUTCString()
  }
  const { address = null } = request.addresses[0] ?? {}
  return { status, headers, body: new Uint8Array(), remoteAddress: address, timings: NO_TIMINGS }
}

const NO_TIMINGS = Object.freeze({ connectMs: null, tlsMs: null, headersMs: 0, bodyMs: 0 })

function failure(reason: ConnectionFailure | null, message: string): TransportFailure & Error {
  return Object.assign(new Error(message), {
    transportFailure: true as const,
    phase: 'connect' as const,
    reason,
    connectTimedOut: false,
    status: null,
    headers: {},
    body: null,
    remoteAddress: null,
    timings: NO_TIMINGS,
  })
}
