import { type AddressInfo, createServer, type Socket } from 'node:net'

/**
 * The receiver of the benchmarks, in a process of its own: reads just enough of HTTP to know where a request ends, and answers
 * 200 with some 300 bytes of headers and 100 of body. Cheaper than node:http, so that it is not what limits the bare loops. Tells
 * its port at the start, and on request the moment at which each event arrived, on the clock that all processes share.
 */
const HEAD_END = '\r\n\r\n'
const HEADERS = ['content-type: text/plain', 'content-length: 100', `x-request-id: ${'0'.repeat(36)}`]
const PADDING = `x-padding: ${'p'.repeat(204)}`
const RESPONSE = Buffer.from(`HTTP/1.1 200 OK\r\n${[...HEADERS, PADDING].join('\r\n')}${HEAD_END}${'b'.repeat(100)}`)

const arrivals = new Map<string, bigint>()
let recording = false

function serve(socket: Socket): void {
  let kept: Buffer | null = null
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    let bytes = kept === null ? chunk : Buffer.concat([kept, chunk])
    for (;;) {
      const end = lengthOfRequest(bytes)
      if (end === null || bytes.length < end) break
      socket.write(RESPONSE)
      bytes = bytes.subarray(end)
    }
    kept = bytes.length === 0 ? null : bytes
  })
}

/** Null: its headers are not there yet. */
function lengthOfRequest(bytes: Buffer): number | null {
  const end = bytes.indexOf(HEAD_END)
  if (end === -1) return null
  const head = bytes.toString('latin1', 0, end)
  const length = /\ncontent-length: ?(\d+)/i.exec(head)
  if (length === null) throw new Error(`the sink reads requests with a content-length only:\n${head}`)
  if (recording) {
    const id = /\nwebhook-id: ?(\S+)/i.exec(head)?.[1]
    if (id !== undefined && !arrivals.has(id)) arrivals.set(id, process.hrtime.bigint())
  }
  return end + HEAD_END.length + Number(length[1])
}

process.on('message', (message) => {
  if (message === 'record') recording = true
  if (message === 'arrivals') {
    process.send?.([...arrivals].map(([id, at]) => [id, String(at)]))
    arrivals.clear()
    recording = false
  }
})
process.on('disconnect', () => process.exit())

const server = createServer(serve)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
