import { httpReceiver, type Receiver, rawReceiver } from './receiver.ts'

/** Takes the request and never answers. */
export function hungBeforeHeaders(): Promise<Receiver> {
  return httpReceiver(() => {})
}

/** Sends its head and the first bytes of its body, then nothing. */
export function hungInBody(status = 200): Promise<Receiver> {
  return httpReceiver((response) => {
    response.writeHead(status, { 'content-length': '1000' })
    response.write('so far')
  })
}

/** Sends a byte of its body every 300 ms, which no idle timeout ever notices. */
export function drippingBody(everyMs = 300): Promise<Receiver> {
  return httpReceiver((response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('.'), everyMs)
    response.on('close', () => clearInterval(timer))
  })
}

/** Sends a byte of its head every 300 ms. */
export function drippingHead(everyMs = 300): Promise<Receiver> {
  return rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
    const timer = setInterval(() => socket.write('a'), everyMs)
    socket.on('close', () => clearInterval(timer))
  })
}

/** Accepts connections and never reads from them, so that a large request cannot be sent. */
export function neverReading(): Promise<Receiver> {
  return rawReceiver((socket) => socket.pause())
}

/** Accepts connections and says nothing: a TLS handshake with it never ends. */
export async function silentTls(): Promise<Receiver> {
  const receiver = await rawReceiver((socket) => socket.resume())
  return { ...receiver, url: receiver.url.replace('http:', 'https:') }
}
