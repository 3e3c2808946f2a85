import { gzipSync } from 'node:zlib'
import { httpReceiver, type Receiver, rawReceiver } from './receiver.ts'

const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** A receiver that counts what it got rid of. */
export interface PouringReceiver extends Receiver {
  poured(): number
}

/** A body of 1 GB, as fast as it is taken. */
export async function hugeBody(status = 200, bytes = 1e9): Promise<PouringReceiver> {
  let poured = 0
  const receiver = await httpReceiver((response) => {
    response.writeHead(status, { 'content-length': String(bytes) })
    let left = bytes
    const pour = () => {
      while (left > 0 && !response.destroyed) {
        const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
        left -= chunk.length
        poured += chunk.length
        if (!response.write(chunk)) {
          response.once('drain', pour)
          return
        }
      }
      response.end()
    }
    pour()
  })
  return { ...receiver, poured: () => poured }
}

/** 100 MB of zeros, gzipped to 100 KB. */
export function gzipBomb(): Promise<Receiver> {
  const bomb = gzipSync(Buffer.alloc(100e6))
  return httpReceiver((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
}

/** Headers without end. */
export async function endlessHeaders(): Promise<PouringReceiver> {
  let poured = 0
  const receiver = await rawReceiver((socket) => {
    const pour = () => {
      while (!socket.destroyed) {
        const line = `x-header-${poured}: ${'y'.repeat(100)}\r\n`
        poured += line.length
        if (!socket.write(line)) {
          socket.once('drain', pour)
          return
        }
      }
    }
    socket.write('HTTP/1.1 200 OK\r\n')
    pour()
  })
  return { ...receiver, poured: () => poured }
}

/** Interim responses without end. */
export async function endlessContinues(): Promise<Receiver> {
  return rawReceiver((socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(10)), 5)
    socket.on('close', () => clearInterval(timer))
  })
}
