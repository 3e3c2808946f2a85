/** Customers' endpoints that keep a diary of all requests, in order. What a path does is told by its first segment. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Arrival, Turn } from '../../postgres/node-messages.ts'
import type { ReceiverCommand } from '../messages.ts'
import { onCommand, report } from './report.ts'

const SLOW_MS = 2_000
/** Nobody listens for a while after so many requests. */
const AWAY = { afterRequests: 150, ms: 300 }

const arrivals: Arrival[] = []
/** Requests so far, by event and path. */
const counts = new Map<string, number>()

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await whole(request)
  // Of a request that was cut off a customer's program sees nothing.
  if (text === null) return
  const path = request.url ?? ''
  const id = String(request.headers['webhook-id'])
  const { data } = JSON.parse(text) as { data: Turn }
  const count = (counts.get(`${id} ${path}`) ?? 0) + 1
  counts.set(`${id} ${path}`, count)
  const status = answerOf(path, count <= data.fails)
  arrivals.push({ ...data, path, id, at: Date.now(), status, agent: String(request.headers['user-agent']) })
  if (status === null) return
  const headers = away.closing ? { connection: 'close' } : {}
  setTimeout(() => response.writeHead(status, headers).end(), path.startsWith('/slow/') ? SLOW_MS : 0)
}

function answerOf(path: string, fails: boolean): number | null {
  const [, kind] = path.split('/')
  if (!fails) return 200
  if (kind === 'rejects') return 500
  // Which says of the endpoint as a whole that it has enough for now.
  if (kind === 'rests') return 503
  return kind === 'hangs' ? null : 200
}

async function whole(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
  } catch {
    return null
  }
  return Buffer.concat(chunks).toString('utf8')
}

const away = { closing: false, requests: 0 }

/** Answers what it has begun, closes what is idle, and is back at the same port after a while. */
function goAway(server: Server, port: number): void {
  away.closing = true
  server.close()
  setTimeout(() => comeBack(server, port), AWAY.ms)
}

function comeBack(server: Server, port: number): void {
  // Somebody else of this machine may have taken the port for a moment.
  server.once('error', () => setTimeout(() => comeBack(server, port), 20))
  server.listen(port, '127.0.0.1', () => {
    server.removeAllListeners('error')
    away.closing = false
  })
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

const steady = createServer(receive)
const refusing = createServer((request, response) => {
  away.requests += 1
  if (away.requests % AWAY.afterRequests === 0) goAway(refusing, refusingPort)
  receive(request, response)
})

const [port, refusingPort] = await Promise.all([listen(steady), listen(refusing)])
onCommand<ReceiverCommand>(() => {
  const seen = { is: 'seen' as const, requests: [], arrivals }
  report(seen)
})
const listening = { is: 'listening' as const, url: `http://127.0.0.1:${port}` }
report({ ...listening, ...{ refusing: `http://127.0.0.1:${refusingPort}` } })
