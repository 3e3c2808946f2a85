import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The receiver of the bench, in a process of its own: reads each request, answers 200. Tells its port at the start, and on
 * request the moment at which each event arrived, on the clock that both processes share.
 */
const arrivals = new Map<string, number>()
let recording = false

const server = createServer((request, response) => {
  if (recording) arrivals.set(String(request.headers['webhook-id']), performance.timeOrigin + performance.now())
  request.resume()
  request.on('end', () => response.end('ok'))
})

process.on('message', (message) => {
  if (message === 'record') recording = true
  if (message === 'arrivals') {
    process.send?.([...arrivals])
    arrivals.clear()
    recording = false
  }
})
process.on('disconnect', () => process.exit())

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
