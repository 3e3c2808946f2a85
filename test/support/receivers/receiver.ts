import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'

/** A request as a receiver saw it. */
export interface ReceivedRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  /** Names and values as they came, in their order and case. */
  rawHeaders: string[]
  body: Buffer
}

/** A server on 127.0.0.1 that plays one customer's endpoint. */
export interface Receiver {
  /** Where it listens, by address: `http://127.0.0.1:port`. */
  url: string
  port: number
  /** What came in, in order; bare receivers keep nothing. */
  requests: ReceivedRequest[]
  /** Connections accepted since the start. */
  accepted(): number
  /** Connections open now. */
  open(): number
  /** Destroys what is open and stops. */
  close(): Promise<void>
}

export interface TlsFiles {
  key: string
  cert: string
}

/** Answers each whole request. */
export type Answer = (response: ServerResponse, request: ReceivedRequest, number: number) => void

export async function httpReceiver(answer: Answer, tls?: TlsFiles): Promise<Receiver> {
  const requests: ReceivedRequest[] = []
  const onRequest = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
    } catch {
      return // the sender went away in the middle of its request
    }
    const { method = '', url: path = '', headers, rawHeaders } = incoming
    const request = { method, path, headers, rawHeaders, body: Buffer.concat(chunks) }
    requests.push(request)
    answer(response, request, requests.length)
  }
  const server = tls ? createSecureServer(tls, onRequest) : createServer(onRequest)
  return listen(server, tls ? 'https' : 'http', requests)
}

/** Gets each connection bare. */
export async function rawReceiver(onConnection: (socket: Socket, number: number) => void): Promise<Receiver> {
  let number = 0
  const server = createTcpServer((socket) => {
    number += 1
    onConnection(socket, number)
  })
  return listen(server, 'http', [])
}

async function listen(server: Server, scheme: string, requests: ReceivedRequest[]): Promise<Receiver> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {}) // misbehaving on purpose has its price
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    requests,
    accepted: () => accepted,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
