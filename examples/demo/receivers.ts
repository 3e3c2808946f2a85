import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

/**
 * The customers' side: three servers in a process of their own, driven by messages of the demo. They know nothing of
 * hookferry: signatures are verified by the independent `standardwebhooks` package.
 */

export type ReceiverName = 'healthy' | 'recovering' | 'gone'

/** What the demo tells this process. */
export type Order =
  | { order: 'secrets'; secrets: Record<ReceiverName, string> }
  | { order: 'recovering'; failures: number }
  | { order: 'report' }

/** What this process tells the demo. */
export type Message = { kind: 'listening'; urls: Record<ReceiverName, string> } | { kind: 'report'; seen: Seen[] }

/** One request, as its receiver saw it. */
export interface Seen {
  receiver: ReceiverName
  webhookId: string
  at: number
  answered: number
  /** Its signature is right. */
  verified: boolean
  /** The same signature over a changed body is refused. */
  forgeryRefused: boolean
}

const seen: Seen[] = []
let secrets: Record<ReceiverName, string> | null = null
/** So many requests fail until the receiver called `recovering` is well again. */
let failures = 0

const STATUS: Record<ReceiverName, () => number> = {
  healthy: () => 200,
  recovering: () => (failures-- > 0 ? 500 : 200),
  gone: () => 410,
}

function tell(message: Message): void {
  process.send?.(message)
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The raw body, as it came over the wire: never parsed and written again. */
function isGenuine(receiver: ReceiverName, body: Buffer, headers: IncomingHttpHeaders): boolean {
  if (secrets === null) return false
  try {
    new Webhook(secrets[receiver]).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

async function listen(receiver: ReceiverName): Promise<string> {
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const answered = STATUS[receiver]()
    seen.push({
      receiver,
      webhookId: String(request.headers['webhook-id']),
      at: Date.now(),
      answered,
      verified: isGenuine(receiver, body, request.headers),
      forgeryRefused: !isGenuine(receiver, Buffer.concat([body, Buffer.from(' ')]), request.headers),
    })
    response.writeHead(answered).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
}

process.on('message', (order: Order) => {
  if (order.order === 'secrets') secrets = order.secrets
  else if (order.order === 'recovering') failures = order.failures
  else tell({ kind: 'report', seen })
})
// Whatever becomes of the demo, nothing stays behind.
process.on('disconnect', () => process.exit(0))

tell({
  kind: 'listening',
  urls: { healthy: await listen('healthy'), recovering: await listen('recovering'), gone: await listen('gone') },
})
