import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Exchange } from '../exchange.ts'

/** What node-fetch's own request and response tell an exchange. */
export interface Followed {
  /** Reads the response's body, once node-fetch has given it. */
  read(body: Readable | null): void
  failBy(error: unknown): void
  /** Takes over the request as soon as it exists. */
  follow(outgoing: ClientRequest): void
}

export function followed(exchange: Exchange): Followed {
  let incoming: IncomingMessage | undefined
  let outgoing: ClientRequest | undefined
  const succeed = () => {
    if (exchange.settled) return
    exchange.succeed()
    // A body may go on behind the cap, and a server may answer before it has read everything: such sockets are given up. TLS tells
    // of its writes a turn later than of a quick answer.
    if (!incoming?.complete) outgoing?.destroy()
    else if (!outgoing?.writableFinished) setImmediate(() => outgoing?.writableFinished || outgoing?.destroy())
  }
  const failBy = (error: unknown) => {
    // node-fetch looks for the last chunk's bytes by itself, and misses some that node's parser has understood.
    if (incoming?.complete) succeed()
    else exchange.failBy(error)
  }
  return {
    failBy,
    follow(request) {
      outgoing = request
      exchange.carriedBy(request)
      request.once('socket', (socket) => exchange.over(socket))
      request.once('finish', () => exchange.sent())
      request.on('information', () => exchange.interim())
      request.once('response', (response: IncomingMessage) => {
        incoming = response
        exchange.head(response.statusCode ?? 0, response.headers)
      })
      request.once('upgrade', (_incoming, socket) => {
        socket.destroy()
        exchange.fail('protocol', 'the server switched protocols without being asked')
      })
      request.once('error', failBy)
    },
    read(body) {
      if (body === null) return succeed()
      body.on('data', (chunk: Uint8Array) => {
        if (!exchange.data(chunk)) succeed()
      })
      body.once('end', succeed)
      body.on('error', failBy)
      body.once('close', () => exchange.fail('reset', 'the response ended before it was complete'))
    },
  }
}
