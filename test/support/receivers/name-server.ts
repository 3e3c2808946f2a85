import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type RecordType = 'A' | 'AAAA'

export interface Question {
  name: string
  type: RecordType
}

/** What a name server says: addresses, an error by its code, or nothing at all. */
export type DnsReply = { addresses: string[]; ttl?: number; cname?: string } | { rcode: number } | 'silence'

export const NXDOMAIN: DnsReply = { rcode: 3 }
export const SERVFAIL: DnsReply = { rcode: 2 }
export const NODATA: DnsReply = { addresses: [] }

/** A name server on 127.0.0.1, by UDP and, for long answers, TCP. */
export interface NameServer {
  /** For `servers` of a resolver. */
  address: string
  questions: Question[]
  close(): Promise<void>
}

const TYPES: Record<number, RecordType> = { 1: 'A', 28: 'AAAA' }
const UDP_MAX = 512

export async function nameServer(reply: (question: Question) => DnsReply | Promise<DnsReply>): Promise<NameServer> {
  const questions: Question[] = []
  const respond = async (query: Buffer): Promise<Buffer | null> => {
    const { name, typeCode, end } = readQuestion(query)
    const type = TYPES[typeCode]
    if (!type) return encode(query, end, typeCode, { rcode: 4 })
    const question = { name, type }
    questions.push(question)
    const said = await reply(question)
    return said === 'silence' ? null : encode(query, end, typeCode, said)
  }

  const tcp = createServer((socket) => serveTcp(socket, respond))
  const sockets = new Set<Socket>()
  tcp.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  const { port } = tcp.address() as AddressInfo

  const udp = createSocket('udp4')
  let open = true
  udp.on('message', async (query, from) => {
    const answer = await respond(query)
    if (answer && open) udp.send(answer.length > UDP_MAX ? truncated(query, answer) : answer, from.port, from.address)
  })
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${port}`,
    questions,
    close: async () => {
      open = false
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => udp.close(resolve))
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
}

function serveTcp(socket: Socket, respond: (query: Buffer) => Promise<Buffer | null>): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', async (data) => {
    pending = Buffer.concat([pending, data])
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const query = pending.subarray(2, 2 + pending.readUInt16BE(0))
      pending = pending.subarray(2 + query.length)
      const answer = await respond(query)
      if (answer) socket.write(Buffer.concat([uint16(answer.length), answer]))
    }
  })
}

function readQuestion(query: Buffer): { name: string; typeCode: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), typeCode: query.readUInt16BE(at + 1), end: at + 5 }
}

function encode(query: Buffer, end: number, typeCode: number, said: Exclude<DnsReply, 'silence'>): Buffer {
  const records: Buffer[] = []
  if ('addresses' in said) {
    const owner = said.cname === undefined ? Buffer.from([0xc0, 12]) : encodeName(said.cname)
    if (said.cname !== undefined) records.push(record(Buffer.from([0xc0, 12]), 5, 300, encodeName(said.cname)))
    for (const address of said.addresses) records.push(record(owner, typeCode, said.ttl ?? 60, addressBytes(address)))
  }
  const rcode = 'rcode' in said ? said.rcode : 0
  const counts = [0x8180 | rcode, 1, records.length, 0, 0].map(uint16)
  return Buffer.concat([query.subarray(0, 2), ...counts, query.subarray(12, end), ...records])
}

function truncated(query: Buffer, answer: Buffer): Buffer {
  const head = Buffer.from(answer.subarray(0, readQuestion(query).end))
  head.writeUInt16BE(0x8380, 2)
  head.writeUInt16BE(0, 6)
  return head
}

function record(owner: Buffer, typeCode: number, ttl: number, data: Buffer): Buffer {
  const time = Buffer.alloc(4)
  time.writeUInt32BE(ttl)
  return Buffer.concat([owner, uint16(typeCode), uint16(1), time, uint16(data.length), data])
}

function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

/** IPv4 as usual; IPv6 written in full, with eight parts. */
function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  return Buffer.concat(address.split(':').map((part) => uint16(Number.parseInt(part, 16))))
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
