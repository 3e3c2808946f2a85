import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsFiles } from './receiver.ts'

/** What it has seen since the last time it was asked. */
export interface Seen {
  requests: number
  connections: number
  /** Of the connections: those whose TLS session was resumed. */
  resumed: number
}

/**
 * A receiver over TLS, in a process of its own: is given its certificate, tells its port, answers 200, and closes what was idle for
 * 5 s as node:http does by default. Any later message asks what it has seen.
 */
const seen: Seen = { requests: 0, connections: 0, resumed: 0 }
const [files] = (await once(process, 'message')) as [TlsFiles]
const server = createServer({ ...files, keepAliveTimeout: 5_000 }, (request, response) => {
  seen.requests += 1
  request.resume()
  request.on('end', () => response.end('ok'))
})
server.on('secureConnection', (socket: TLSSocket) => {
  seen.connections += 1
  if (socket.isSessionReused()) seen.resumed += 1
})
process.on('message', () => {
  process.send?.({ ...seen })
  Object.assign(seen, { requests: 0, connections: 0, resumed: 0 })
})
process.on('disconnect', () => process.exit())
server.listen(0, '0.0.0.0', () => process.send?.((server.address() as AddressInfo).port))
