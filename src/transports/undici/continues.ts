import type { Socket } from 'node:net'

const STATUS_LINE = Buffer.from('HTTP/1.1 100')
/** A head longer than node's own limit is left to the parser, which refuses it. */
const HEAD_MAX_BYTES = 16_384

/**
 * Hides interim responses `100 Continue` from undici, which takes one that it did not ask for as a broken response; servers may
 * send them (RFC 9110, 15.2.1), and some do.
 */
export class ContinueFilter {
  /** Between the request and the first byte of what is no `100 Continue`. */
  #waiting = false
  #held: Buffer | null = null

  constructor(socket: Socket) {
    const read = socket.read
    socket.read = (size) => {
      const chunk = read.call(socket, size) as Buffer | null
      return chunk === null || !this.#waiting ? chunk : this.#pass(chunk)
    }
  }

  /** A request was made: a response begins with the next byte. */
  expect(): void {
    this.#waiting = true
    this.#held = null
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
