import type { Socket } from 'node:net'

const STATUS_LINE = Buffer.from('HTTP/1.1 100')
/** A head longer than node's own limit is left to the parser, which refuses it. */
const HEAD_MAX_BYTES = 16_384

/** Is told what a response turned out to be, before undici sees any of it. */
interface ResponseWatcher {
  /** A `100 Continue` was hidden. */
  interim(): void
  /** More came than was agreed: nothing more is passed on. */
  overflow(maxBytes: number): void
}

/**
 * Stands between a socket and undici. Hides interim responses `100 Continue`, one of which undici takes for a broken response when it
 * did not ask for it; servers may send them (RFC 9110, 15.2.1), and some do. Ends what is too long in a way that undici does not
 * limit: its status line, or what surrounds the chunks of a body.
 */
export class ResponseFilter {
  readonly #watcher: ResponseWatcher
  /** Between the request and the first byte of what is no `100 Continue`. */
  #waiting = false
  #held: Buffer | null = null
  #maxBytes = Number.POSITIVE_INFINITY
  #bytes = 0

  constructor(socket: Socket, watcher: ResponseWatcher) {
    this.#watcher = watcher
    const read = socket.read
    socket.read = (size) => {
      const chunk = read.call(socket, size) as Buffer | null
      if (chunk === null) return null
      this.#bytes += chunk.length
      if (this.#bytes - chunk.length > this.#maxBytes) {
        watcher.overflow(this.#maxBytes)
        return null
      }
      return this.#waiting ? this.#pass(chunk) : chunk
    }
  }

  /** A request was made: a response of so many bytes at most, head and body, begins with the next byte. */
  expect(maxBytes: number): void {
    this.#waiting = true
    this.#held = null
    this.#maxBytes = maxBytes
    this.#bytes = 0
  }

  /** What the parser is to see of it; null: nothing yet. */
  #pass(chunk: Buffer): Buffer | null {
    let rest = this.#held === null ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = null
    while (beginsLikeContinue(rest)) {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) {
        if (rest.length > HEAD_MAX_BYTES) break
        this.#held = rest
        return null
      }
      rest = rest.subarray(end + 4)
      this.#watcher.interim()
      if (rest.length === 0) return null
    }
    this.#waiting = false
    return rest
  }
}

function beginsLikeContinue(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, STATUS_LINE.length)
  return bytes.compare(STATUS_LINE, 0, length, 0, length) === 0
}
