import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A customer's server on this machine, for examples in which only its answers matter. */
export interface Receiver {
  url: string
  /** Requests up to now. */
  count: number
  /** What it answers from now on. */
  status: number
  close(): Promise<void>
}

export async function startReceiver(status = 200): Promise<Receiver> {
  const server = createServer((request, response) => {
    receiver.count += 1
    request.resume().once('end', () => response.writeHead(receiver.status).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    count: 0,
    status,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}
