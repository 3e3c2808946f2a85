import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A customer's server on this machine, for examples in which only its answers matter. */
export interface Receiver {
  url: string
  /** Requests up to now. */
  count: number
  /** The same requests, in their order. */
  requests: ReceivedRequest[]
  /** What it answers from now on. */
  status: number
  /** The text that it answers with. */
  answer: string
  close(): Promise<void>
}

export interface ReceivedRequest {
  headers: IncomingHttpHeaders
  /** As it came: what a signature is over. */
  body: Buffer
}

export async function startReceiver(status = 200, answer = ''): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    receiver.count += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    receiver.requests.push({ headers: request.headers, body: Buffer.concat(chunks) })
    response.writeHead(receiver.status).end(receiver.answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    count: 0,
    requests: [],
    status,
    answer,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}
