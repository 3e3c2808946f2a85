/** A TCP proxy before Postgres that can tell what a transaction was about, and cuts connections in the middle of a COMMIT. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What a transaction wrote, by the table that its statements name. */
export type Work = 'accept' | 'claim' | 'settle' | 'other'
/**
 * `before`: the server never sees the COMMIT. `unanswered`: it does, and the connection is gone while it works on it. `halfway`: it
 * has answered, and some bytes of the answer arrive.
 */
export type Cut = 'before' | 'unanswered' | 'halfway'

export interface CuttingProxy {
  /** The server's, but for host and port. */
  readonly url: string
  close(): Promise<void>
}

/** `decide`: asked for each COMMIT of a transaction that may write; null: let it pass. */
export async function startProxy(serverUrl: string, decide: (work: Work) => Cut | null): Promise<CuttingProxy> {
  const target = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    // What ends it is told to the other side by `close`.
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const listener = createServer((client) => {
    relay(track(client), track(connect(Number(target.port), target.hostname)), decide)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const url = new URL(serverUrl)
  url.port = String((listener.address() as AddressInfo).port)
  return {
    url: url.href,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function relay(client: Socket, server: Socket, decide: (work: Work) => Cut | null): void {
  const reader = new Transactions()
  let cut: Cut | null = null
  client.on('data', (chunk) => {
    if (cut !== null) return
    const commit = reader.read(chunk)
    if (commit !== null) cut = decide(commit)
    if (cut === 'before') end()
    else if (cut === 'unanswered') {
      client.resetAndDestroy()
      // The bytes leave before the end does.
      server.end(chunk)
    } else server.write(chunk)
  })
  server.on('data', (chunk) => {
    if (cut === null) client.write(chunk)
    else if (cut === 'halfway') client.write(chunk.subarray(0, someOf(chunk.length)), end)
  })
  const end = () => {
    client.destroy()
    server.destroy()
  }
  client.once('close', () => {
    if (cut !== 'unanswered') server.destroy()
  })
  server.once('close', () => client.destroy())
}

let halves = 0

/** Some bytes of an answer, never all, each time others: the cut is in its first message, or between that and the last. */
function someOf(length: number): number {
  return 1 + ((halves++ * 7) % Math.max(1, length - 1))
}

const HEADER = 5

/** Follows what a client sends: https://www.postgresql.org/docs/current/protocol-message-formats.html */
class Transactions {
  #rest: Buffer = Buffer.alloc(0)
  #startedUp = false
  #writes = false
  #work: Work = 'other'
  /** Of prepared statements, by name. */
  readonly #works = new Map<string, Work>()

  /** What the transaction was about whose COMMIT is in this chunk; null: there is none, or it only read. */
  read(chunk: Buffer): Work | null {
    this.#rest = Buffer.concat([this.#rest, chunk])
    let committed: Work | null = null
    for (;;) {
      const length = this.#startedUp ? 1 + this.#lengthAt(1) : this.#lengthAt(0)
      if (this.#rest.length < length) return committed
      const message = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      if (this.#startedUp) committed = this.#message(message) ?? committed
      else this.#startedUp = true
    }
  }

  /** Of a message that has not come so far: more than there is. */
  #lengthAt(offset: number): number {
    return this.#rest.length < offset + 4 ? Number.POSITIVE_INFINITY : this.#rest.readInt32BE(offset)
  }

  #message(message: Buffer): Work | null {
    const type = String.fromCharCode(message[0] ?? 0)
    if (type === 'P') {
      const [name = '', text = ''] = stringsOf(message, 2)
      this.#works.set(name, workOf(text))
    } else if (type === 'B') {
      const [, name = ''] = stringsOf(message, 2)
      const work = this.#works.get(name) ?? 'other'
      if (work !== 'other') this.#work = work
    } else if (type === 'Q') {
      const [text = ''] = stringsOf(message, 1)
      if (text.startsWith('BEGIN')) {
        this.#writes = text.includes('READ WRITE')
        this.#work = 'other'
      } else if (text === 'COMMIT' && this.#writes) return this.#work
    }
    return null
  }
}

/** The first so many of a message, each ended by a zero. */
function stringsOf(message: Buffer, count: number): string[] {
  const strings: string[] = []
  let from = HEADER
  while (strings.length < count) {
    const to = message.indexOf(0, from)
    strings.push(message.toString('utf8', from, to))
    from = to + 1
  }
  return strings
}

function workOf(sql: string): Work {
  if (/INSERT INTO \S*hookferry_attempt\b/.test(sql)) return 'settle'
  if (/INSERT INTO \S*hookferry_event"?\s/.test(sql)) return 'accept'
  if (/UPDATE \S*hookferry_delivery"? AS d SET state = 1/.test(sql)) return 'claim'
  return 'other'
}
