/** Customers' endpoints, in a process that nobody kills. What a path does is told by its first segment. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { keyOf, type ReceiverCommand, type Seen } from '../messages.ts'
import { secretOf } from '../secrets.ts'
import { onCommand, report } from './report.ts'

const seen = new Map<string, Seen>()
const open = new Map<string, number>()
const verifiers = new Map<string, Webhook>()

const server = createServer(async (request, response) => {
  const path = request.url ?? ''
  const key = keyOf(String(request.headers['webhook-id']), path)
  open.set(key, (open.get(key) ?? 0) + 1)
  response.on('close', () => open.set(key, (open.get(key) ?? 0) - 1))
  const body = await whole(request)
  // Of a request that was cut off a customer's program sees nothing.
  if (body === null) return
  const record = seen.get(key) ?? { key, requests: 0, taken: 0, overlaps: 0, unsigned: 0 }
  seen.set(key, record)
  record.requests += 1
  if ((open.get(key) ?? 0) > 1) record.overlaps += 1
  if (!isSigned(path, request, body)) record.unsigned += 1
  answer(path, record, response)
})

function answer(path: string, record: Seen, response: ServerResponse): void {
  const end = (status: number, afterMs: number, headers: Record<string, string> = {}) => {
    if (status < 300) record.taken += 1
    setTimeout(() => response.writeHead(status, headers).end(), afterMs)
  }
  const [, kind] = path.split('/')
  // A busy customer: refuses about one in eight the first time, so that there are retries.
  if (kind === 'fickle' && record.requests === 1 && record.key.charCodeAt(record.key.indexOf(' ') - 1) % 8 === 0)
    end(500, 0)
  else if (kind === 'slow-first') end(200, record.requests === 1 ? 100 : 0)
  else if (kind === 'poison') end(200, 200, { 'x-crash': 'yes' })
  else end(200, kind === 'fickle' || kind === 'steady' ? record.key.charCodeAt(record.key.indexOf(' ') - 2) % 12 : 0)
}

async function whole(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
  } catch {
    return null
  }
  return Buffer.concat(chunks)
}

function isSigned(path: string, { headers }: IncomingMessage, body: Buffer): boolean {
  let verifier = verifiers.get(path)
  if (verifier === undefined) {
    verifier = new Webhook(secretOf(path))
    verifiers.set(path, verifier)
  }
  try {
    verifier.verify(body.toString('utf8'), headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

onCommand<ReceiverCommand>(() => report({ is: 'seen', requests: [...seen.values()] }))
server.listen(0, '127.0.0.1', () => {
  report({ is: 'listening', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
