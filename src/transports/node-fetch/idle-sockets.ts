import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** A server that names its idle limit closes at about that moment: we leave this much earlier. */
const HINT_MARGIN_MS = 1_000

/**
 * Decides which sockets are kept after a response, for how long, and how many in all. A server that closes an idle socket
 * at the moment of its reuse costs an attempt, so ours close first.
 */
export class IdleSockets {
  readonly #keepMs: number
  readonly #max: number
  readonly #idle = new Set<Socket>()
  readonly #hints = new WeakMap<Socket, number>()
  readonly #forget: (this: Socket) => void
  #closed = false

  constructor(keepMs: number, max: number) {
    this.#keepMs = keepMs
    this.#max = max
    const idle = this.#idle
    this.#forget = function (this: Socket) {
      idle.delete(this)
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Remembers `Keep-Alive: timeout=5` for the moment when the socket becomes idle. */
  note(request: ClientRequest, response: IncomingMessage): void {
    const seconds = /timeout=(\d{1,6})/i.exec(String(response.headers['keep-alive'] ?? ''))?.[1]
    if (seconds !== undefined && request.socket) this.#hints.set(request.socket, Number(seconds) * 1_000)
  }

  /** Whether the socket is kept. */
  keep(socket: Socket): boolean {
    const hint = this.#hints.get(socket) ?? Number.POSITIVE_INFINITY
    const keepMs = Math.min(this.#keepMs, hint - HINT_MARGIN_MS)
    if (this.#closed || keepMs <= 0 || this.#idle.size >= this.#max) return false
    this.#idle.add(socket)
    socket.setTimeout(keepMs, destroyThis)
    socket.once('close', this.#forget)
    socket.unref()
    return true
  }

  /** The socket goes back to work. */
  take(socket: Socket): void {
    this.#idle.delete(socket)
    socket.removeListener('close', this.#forget)
    socket.setTimeout(0, destroyThis)
  }

  close(): void {
    this.#closed = true
    for (const socket of this.#idle) socket.destroy()
  }
}

function destroyThis(this: Socket): void {
  this.destroy()
}
