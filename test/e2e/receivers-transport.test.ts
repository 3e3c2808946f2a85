import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TransportFailure } from '../../src/ports/transport.ts'
import type { SocketOptions } from '../../src/transports/options.ts'
import { closedAfterEach } from '../support/closed-after-each.ts'
import * as receivers from '../support/receivers/index.ts'
import { requestTo, sendWithin } from '../support/receivers/request.ts'
import { TRANSPORTS } from '../support/transports.ts'

/** Of those that end by it. */
const DEADLINE_MS = 1_000
/** Of those that end before it: what waits for it is found, however busy the machine. */
const FAR_DEADLINE_MS = 20_000
/** Far from any deadline of those that end before it, and from those who would hang for ever. */
const LEEWAY_MS = 5_000

let certificates: receivers.Certificates
const closed = closedAfterEach()

const alive = new Set<Socket>()
const onSocket = (message: unknown) => {
  const { socket } = message as { socket: Socket }
  alive.add(socket)
  socket.once('close', () => alive.delete(socket))
}

beforeAll(() => {
  certificates = receivers.makeCertificates()
  subscribe('net.client.socket', onSocket)
})

afterAll(() => {
  unsubscribe('net.client.socket', onSocket)
})

const start = async <R extends receivers.Receiver>(starting: Promise<R>) => closed(await starting)

/** Every socket of ours is closed; not all lines of Node announce TLS sockets, there the receiver must have noticed. */
async function gone(receiver: receivers.Receiver) {
  if (receiver.url.startsWith('https:')) await expect.poll(() => receiver.open(), { timeout: 1_000 }).toBe(0)
  await expect.poll(() => alive.size).toBe(0)
}

interface Ending {
  receiver: () => Promise<receivers.Receiver>
  failure: Partial<TransportFailure>
  atDeadline?: boolean
  body?: Uint8Array
}

const endings: Record<string, Ending> = {
  'hung before its headers': {
    receiver: () => receivers.hungBeforeHeaders(),
    failure: { phase: 'headers', reason: null, status: null, connectTimedOut: false },
    atDeadline: true,
  },
  'hung in its body': {
    receiver: () => receivers.hungInBody(),
    failure: { phase: 'body', reason: null, status: 200, body: Buffer.from('so far') },
    atDeadline: true,
  },
  'a byte of body every 300 ms': {
    receiver: () => receivers.drippingBody(),
    failure: { phase: 'body', reason: null, status: 200 },
    atDeadline: true,
  },
  'a byte of head every 300 ms': {
    receiver: () => receivers.drippingHead(),
    failure: { phase: 'headers', reason: null, status: null },
    atDeadline: true,
  },
  'a request that nobody reads': {
    receiver: () => receivers.neverReading(),
    failure: { phase: 'request', reason: null },
    atDeadline: true,
    body: Buffer.alloc(16e6),
  },
  'interim responses without end': {
    receiver: () => receivers.endlessContinues(),
    failure: { phase: 'headers', reason: 'protocol', status: null },
  },
  'headers without end': {
    receiver: () => receivers.endlessHeaders(),
    failure: { reason: 'protocol', status: null },
  },
  'reset before its headers': {
    receiver: () => receivers.resetBeforeHeaders(),
    failure: { phase: 'headers', reason: 'reset' },
  },
  'reset in its body': {
    receiver: () => receivers.resetInBody(),
    failure: { phase: 'body', reason: 'reset', status: 500, body: Buffer.from('half of') },
  },
  'its end in the middle of the body': {
    receiver: () => receivers.endInBody(),
    failure: { phase: 'body', reason: 'reset', status: 200, body: Buffer.from('half of') },
  },
  'its end between two chunks': {
    receiver: () => receivers.endInChunks(),
    failure: { phase: 'body', reason: 'reset', status: 200, body: Buffer.from('half') },
  },
  'a half-closed connection': {
    receiver: () => receivers.halfClose(),
    failure: { phase: 'headers', reason: 'reset' },
  },
  'something that is not HTTP': {
    receiver: () => receivers.badHttp(),
    failure: { phase: 'headers', reason: 'protocol' },
  },
  'two lengths': {
    receiver: () => receivers.contradictoryLength(),
    failure: { phase: 'headers', reason: 'protocol' },
  },
  'another protocol': {
    receiver: () => receivers.switching(),
    failure: { reason: 'protocol', status: null },
  },
}

describe.each(TRANSPORTS)('$name', ({ create }) => {
  const newTransport = (options?: SocketOptions) => closed(create(options))

  describe('receivers that bring no whole response', () => {
    it.each(Object.entries(endings))('%s', async (_name, { receiver: starting, failure, atDeadline = false, body }) => {
      const receiver = await start(starting())
      const transport = newTransport()
      const deadlineMs = atDeadline ? DEADLINE_MS : FAR_DEADLINE_MS
      const ended = await sendWithin(transport, deadlineMs, `${receiver.url}/hook`, body ? { body } : {})
      expect(ended.failure).toMatchObject({ transportFailure: true, remoteAddress: '127.0.0.1', ...failure })
      expect(ended.tookMs).toBeLessThan(DEADLINE_MS + LEEWAY_MS)
      if (atDeadline) expect(ended.tookMs).toBeGreaterThan(DEADLINE_MS - 20)
      else expect(ended.tookMs).toBeLessThan(LEEWAY_MS)
      await gone(receiver)
    })
  })

  describe('connections that are not made', () => {
    it('are refused', async () => {
      const port = await receivers.closedPort()
      const { failure } = await sendWithin(newTransport(), FAR_DEADLINE_MS, `http://127.0.0.1:${port}/`)
      expect(failure).toMatchObject({ phase: 'connect', reason: 'refused', remoteAddress: null, status: null })
    })

    it('are refused on all addresses', async () => {
      const port = await receivers.closedPort()
      const addresses = [
        { address: '127.0.0.1', family: 4 as const },
        { address: '127.0.0.2', family: 4 as const },
      ]
      const { failure } = await sendWithin(newTransport(), FAR_DEADLINE_MS, `http://hooks.test:${port}/`, { addresses })
      expect(failure).toMatchObject({ phase: 'connect', reason: 'refused' })
      expect(failure?.message).toContain('127.0.0.2')
    })

    it('run out of connectMs in a TLS handshake', async () => {
      const receiver = await start(receivers.silentTls())
      const ended = await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url, { connectMs: 300 })
      expect(ended.failure).toMatchObject({ phase: 'tls', reason: null, connectTimedOut: true, status: null })
      expect(ended.tookMs).toBeGreaterThan(290)
      expect(ended.tookMs).toBeLessThan(300 + LEEWAY_MS)
      await gone(receiver)
    })
  })

  describe('certificates', () => {
    it('trusts a private authority, by address and by name, with a final dot or without', async () => {
      const receiver = await start(receivers.friendly(certificates.valid))
      const transport = newTransport({ ca: certificates.ca })
      for (const host of ['127.0.0.1', 'receiver.test', 'receiver.test.']) {
        const { response } = await sendWithin(transport, FAR_DEADLINE_MS, `https://${host}:${receiver.port}/`)
        expect(response).toMatchObject({ status: 200, remoteAddress: '127.0.0.1' })
        expect(response?.timings.tlsMs).toBeGreaterThan(0)
      }
    })

    it.each([
      ['expired', 'expired'],
      ['mismatched', "not match certificate's altnames"],
      ['selfSigned', 'self-signed'],
    ] as const)('refuses one that is %s', async (kind, text) => {
      const receiver = await start(receivers.friendly(certificates[kind]))
      const transport = newTransport({ ca: certificates.ca })
      const { failure, tookMs } = await sendWithin(transport, FAR_DEADLINE_MS, `${receiver.url}/`)
      expect(failure).toMatchObject({ phase: 'tls', reason: 'tls', status: null, connectTimedOut: false })
      expect(failure?.message).toContain(text)
      expect(tookMs).toBeLessThan(LEEWAY_MS)
      expect(receiver.requests).toEqual([])
      await gone(receiver)
    })

    it('refuses them even where the environment says not to look', async () => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        const receiver = await start(receivers.friendly(certificates.selfSigned))
        const { failure } = await sendWithin(newTransport(), FAR_DEADLINE_MS, `${receiver.url}/`)
        expect(failure).toMatchObject({ phase: 'tls', reason: 'tls' })
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
    })

    it('two hundred bad ones in a row leave memory flat', async () => {
      const receiver = await start(receivers.friendly(certificates.selfSigned))
      const transport = newTransport()
      const round = async (count: number) => {
        for (let number = 0; number < count; number += 1) {
          const { failure } = await sendWithin(transport, FAR_DEADLINE_MS, `${receiver.url}/`)
          expect(failure?.reason).toBe('tls')
        }
      }
      await round(200)
      // Whatever else grows now and then: what leaks grows in every round.
      const growth: { heap: number; rss: number }[] = []
      let before = await memory()
      for (let turn = 0; turn < 3; turn += 1) {
        await round(200)
        const after = await memory()
        growth.push({ heap: after.heap - before.heap, rss: after.rss - before.rss })
        before = after
      }
      expect(Math.min(...growth.map(({ heap }) => heap))).toBeLessThan(1e6)
      expect(Math.min(...growth.map(({ rss }) => rss))).toBeLessThan(5e6)
      await gone(receiver)
    })
  })

  describe('responses that are too much', () => {
    it.each([
      [200, 1_024],
      [500, 16_384],
    ])('stops in 1 GB of body after a status of %i', async (status, cap) => {
      const receiver = await start(receivers.hugeBody(status))
      const transport = newTransport()
      await sendWithin(transport, FAR_DEADLINE_MS, receiver.url)
      const before = await memory()
      for (let number = 0; number < 10; number += 1) {
        const { response, tookMs } = await sendWithin(transport, FAR_DEADLINE_MS, receiver.url)
        expect(response).toMatchObject({ status })
        expect(response?.body).toHaveLength(cap)
        expect(tookMs).toBeLessThan(LEEWAY_MS)
      }
      await gone(receiver)
      const after = await memory()
      expect(receiver.poured()).toBeLessThan(11 * 20e6)
      expect(after.heap - before.heap).toBeLessThan(3e6)
      expect(after.rss - before.rss).toBeLessThan(40e6)
    })

    it('does not open a gzip bomb, nor ask for one', async () => {
      const receiver = await start(receivers.gzipBomb())
      const before = await memory()
      const { response } = await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url)
      expect(response?.body).toHaveLength(1_024)
      expect(response?.body.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
      expect((await memory()).rss - before.rss).toBeLessThan(30e6)
      expect(receiver.requests[0]?.headers['accept-encoding']).toBeUndefined()
      await gone(receiver)
    })

    it('reads no more than a few packets of endless headers', async () => {
      const receiver = await start(receivers.endlessHeaders())
      await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url)
      await gone(receiver)
      expect(receiver.poured()).toBeLessThan(20e6)
    })
  })

  describe('responses that are odd, but whole', () => {
    it('does not follow a redirect', async () => {
      const other = await start(receivers.friendly())
      const receiver = await start(receivers.redirecting(`${other.url}/elsewhere`))
      const { response } = await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url)
      expect(response).toMatchObject({ status: 302, headers: { location: `${other.url}/elsewhere` } })
      expect(other.accepted()).toBe(0)
    })

    it.each([
      ['204', () => receivers.noContent(), { status: 204, body: Buffer.alloc(0) }],
      ['interim responses', () => receivers.continuing(), { status: 200, body: Buffer.from('ok') }],
      ['a last chunk in pieces', () => receivers.splitLastChunk(), { status: 200, body: Buffer.from('ok') }],
    ])('%s', async (_name, starting, expected) => {
      const receiver = await start(starting())
      const { response } = await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url)
      expect(response).toMatchObject(expected)
    })

    it('an answer before the request was read: the socket is given up', async () => {
      const receiver = await start(receivers.answeringEarly())
      const { response } = await sendWithin(newTransport(), FAR_DEADLINE_MS, receiver.url, { body: Buffer.alloc(16e6) })
      expect(response).toMatchObject({ status: 413, body: Buffer.from('big') })
      await gone(receiver)
    })
  })

  describe('a kept connection that the server has given up', () => {
    it('fails the attempt and is not tried again behind our back', async () => {
      const receiver = await start(receivers.closingOnReuse())
      const transport = newTransport()
      await transport.send(requestTo(receiver.url))
      const { failure } = await sendWithin(transport, FAR_DEADLINE_MS, receiver.url)
      expect(failure).toMatchObject({ reason: 'reset', timings: { connectMs: null, tlsMs: null } })
      expect(receiver.accepted()).toBe(1)
    })
  })
})

/** What is held after garbage is collected. */
async function memory() {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}
