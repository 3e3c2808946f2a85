import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Receiver, rawReceiver } from './receiver.ts'

/** Resets the connection as soon as the request comes. */
export function resetBeforeHeaders(): Promise<Receiver> {
  return rawReceiver((socket) => socket.once('data', () => socket.resetAndDestroy()))
}

/** Resets the connection in the middle of the body. */
export function resetInBody(): Promise<Receiver> {
  return answeringRaw('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nhalf of', (socket) => {
    setTimeout(() => socket.resetAndDestroy(), 50)
  })
}

/** Ends its side in the middle of the body, in due form. */
export function endInBody(): Promise<Receiver> {
  return answeringRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of', (socket) => socket.end())
}

/** Ends a chunked body without its last chunk. */
export function endInChunks(): Promise<Receiver> {
  return answeringRaw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n', (socket) => socket.end())
}

/** Closes its side without a word, and keeps the connection half open. */
export function halfClose(): Promise<Receiver> {
  return rawReceiver((socket) => socket.once('data', () => socket.end()))
}

/** Answers in something that is not HTTP. */
export function badHttp(): Promise<Receiver> {
  return answeringRaw('220 mail.example.com ESMTP\r\n\r\n')
}

/** Gives two lengths that contradict each other. */
export function contradictoryLength(): Promise<Receiver> {
  return answeringRaw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok')
}

/** Switches to another protocol without being asked. */
export function switching(): Promise<Receiver> {
  return answeringRaw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
}

/** Sends a few interim responses before the real one. */
export function continuing(): Promise<Receiver> {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
  return answeringRaw(`${interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`)
}

/** A whole chunked answer whose end comes in unusual pieces and with a trailer, then the end of the connection. */
export function splitLastChunk(): Promise<Receiver> {
  return rawReceiver((socket) => {
    socket.setNoDelay(true)
    socket.once('data', async () => {
      const head =
        'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n2\r\nok\r\n'
      for (const piece of [head, '0', '\r\nx-end: 1\r', '\n\r', '\n']) {
        socket.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      socket.end()
    })
  })
}

/** Answers before it has read the request, and never reads the rest. */
export function answeringEarly(): Promise<Receiver> {
  return rawReceiver((socket) => {
    socket.pause()
    socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig')
  })
}

/** Answers one request in good form, and closes the connection when it is used again. */
export function closingOnReuse(): Promise<Receiver> {
  return rawReceiver((socket) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (requests > 1) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
  })
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function answeringRaw(text: string, then: (socket: Socket) => void = () => {}): Promise<Receiver> {
  return rawReceiver((socket) => {
    socket.once('data', () => {
      socket.write(text)
      then(socket)
    })
  })
}
