import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A receiver in a process of its own: answers 200 at once, but never on paths under /hang while it is stormy. */
let stormy = false
const server = createServer((request, response) => {
  request.resume()
  if (stormy && request.url?.startsWith('/hang')) return
  request.on('end', () => response.end('ok'))
})
process.on('message', (message) => {
  stormy = message === 'storm'
  process.send?.('done')
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
