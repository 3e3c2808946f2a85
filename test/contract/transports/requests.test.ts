import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { SocketOptions } from '../../../src/transports/options.ts'
import { closedAfterEach } from '../../support/closed-after-each.ts'
import {
  answering,
  friendly,
  httpReceiver,
  hungBeforeHeaders,
  hungInBody,
  type Receiver,
} from '../../support/receivers/index.ts'
import { requestTo, sendWithin } from '../../support/receivers/request.ts'
import { TRANSPORTS } from '../../support/transports.ts'

/** What every transport makes of a request, its addresses, its signal and its response. */

const closed = closedAfterEach()
const start = async (starting: Promise<Receiver>) => closed(await starting)

const hasIpv6Loopback = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
const V4 = (address: string) => ({ address, family: 4 as const })
const arrived = (receiver: Receiver) => expect.poll(() => receiver.requests.length).toBe(1)

const HEAD_CHANNELS = ['http.client.response.finish', 'undici:request:headers']

/** Resolves a turn after the next response's head was read. */
function headCame(): Promise<void> {
  return new Promise((resolve) => {
    const onHead = () => {
      for (const channel of HEAD_CHANNELS) unsubscribe(channel, onHead)
      setImmediate(resolve)
    }
    for (const channel of HEAD_CHANNELS) subscribe(channel, onHead)
  })
}

describe.each(TRANSPORTS)('$name', ({ create, option, ownHeaders }) => {
  const newTransport = (options?: SocketOptions) => closed(create(options))

  describe('the request', () => {
    it('is a POST of exactly the bytes, with exactly the headers and their length', async () => {
      const receiver = await start(friendly())
      const body = Uint8Array.from([0xff, 0xfe, 0, 10, 13]).subarray(1)
      const headers = { 'content-type': 'application/octet-stream', 'Webhook-Id': 'evt_1', 'user-agent': 'ours' }
      await newTransport().send(requestTo(`${receiver.url}/a%20b?c=d&e#f`, { body, headers }))
      const [request] = receiver.requests
      expect(request).toMatchObject({ method: 'POST', path: '/a%20b?c=d&e', body: Buffer.from(body) })
      expect(request?.headers).toEqual({
        'content-type': 'application/octet-stream',
        'webhook-id': 'evt_1',
        'user-agent': 'ours',
        ...ownHeaders,
        'content-length': '4',
        host: `127.0.0.1:${receiver.port}`,
        connection: 'keep-alive',
      })
    })

    it('may have an empty body', async () => {
      const receiver = await start(friendly())
      await newTransport().send(requestTo(receiver.url, { body: new Uint8Array() }))
      expect(receiver.requests[0]?.headers['content-length']).toBe('0')
    })

    it('passes every proxy of the environment by', async () => {
      const proxy = await start(friendly())
      const receiver = await start(friendly())
      const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
      for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : proxy.url
      try {
        await newTransport().send(requestTo(`http://hooks.test:${receiver.port}/`))
      } finally {
        for (const name of names) delete process.env[name]
      }
      expect(receiver.requests).toHaveLength(1)
      expect(proxy.accepted()).toBe(0)
    })

    it('that the client refuses is a failure like any other', async () => {
      const { failure } = await sendWithin(newTransport(), 1_000, 'http://127.0.0.1:1/', { headers: { 'x-a': 'b\nc' } })
      expect(failure).toMatchObject({ reason: 'other', phase: 'connect', status: null })
    })
  })

  describe('addresses', () => {
    it('are the only place to connect to, whatever the name', async () => {
      const receiver = await start(friendly())
      const response = await newTransport().send(requestTo(`http://example.com:${receiver.port}/`))
      expect(response).toMatchObject({ status: 200, remoteAddress: '127.0.0.1' })
      expect(receiver.requests[0]?.headers.host).toBe(`example.com:${receiver.port}`)
    })

    it('are tried one after the other', async () => {
      const receiver = await start(friendly())
      const addresses = [V4('127.0.0.2'), V4('127.0.0.3'), V4('127.0.0.1')]
      const response = await newTransport().send(requestTo(`http://hooks.test:${receiver.port}/`, { addresses }))
      expect(response.remoteAddress).toBe('127.0.0.1')
    })

    it('bind kept connections: another answer for the same name gets its own', async () => {
      const server = createServer((_request, response) => response.end())
      await new Promise<void>((resolve) => server.listen(0, resolve))
      closed({ close: () => new Promise((resolve) => server.close(() => resolve())) })
      const url = `http://hooks.test:${(server.address() as AddressInfo).port}/`
      const transport = newTransport()
      const peers: [string | null, boolean][] = []
      for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.1']) {
        const { remoteAddress, timings } = await transport.send(requestTo(url, { addresses: [V4(address)] }))
        peers.push([remoteAddress, timings.connectMs === null])
      }
      expect(peers).toEqual([
        ['127.0.0.1', false],
        ['127.0.0.2', false],
        ['127.0.0.1', true],
      ])
      await transport.close()
    })

    it.skipIf(!hasIpv6Loopback)('may be IPv6, by literal and by name', async () => {
      const server = createServer((_request, response) => response.end())
      await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
      closed({ close: () => new Promise((resolve) => server.close(() => resolve())) })
      const { port } = server.address() as AddressInfo
      const transport = newTransport()
      const addresses = [V4('127.0.0.1'), { address: '0:0:0:0:0:0:0:1', family: 6 as const }]
      for (const host of ['[::1]', 'hooks.test']) {
        const { remoteAddress } = await transport.send(requestTo(`http://${host}:${port}/`, { addresses }))
        expect(remoteAddress).toBe('::1')
      }
      await transport.close()
    })

    it('hold for literals, too', async () => {
      const receiver = await start(friendly())
      const { failure } = await sendWithin(newTransport(), 1_000, receiver.url, { addresses: [V4('192.0.2.1')] })
      expect(failure).toMatchObject({ reason: 'other', message: expect.stringContaining('blocked') })
      expect(receiver.accepted()).toBe(0)
    })

    it('must be there', async () => {
      const receiver = await start(friendly())
      const url = `http://localhost:${receiver.port}/`
      const { failure } = await sendWithin(newTransport(), 1_000, url, { addresses: [] })
      expect(failure).toMatchObject({ reason: 'other', message: expect.stringContaining('blocked') })
      expect(receiver.accepted()).toBe(0)
    })
  })

  describe('the signal', () => {
    it('that came before ends it before anything is connected', async () => {
      const receiver = await start(friendly())
      const sending = newTransport().send(requestTo(receiver.url, { signal: AbortSignal.abort() }))
      await expect(sending).rejects.toMatchObject({ transportFailure: true, reason: null, phase: 'connect' })
      expect(receiver.accepted()).toBe(0)
    })

    it.each([
      ['in the same turn', 'connect', () => friendly(), async () => {}],
      ['before the head', 'headers', () => hungBeforeHeaders(), arrived],
      ['in the body', 'body', () => hungInBody(500), headCame],
    ])('that comes %s ends it at once', async (_name, phase, starting, moment) => {
      const receiver = await start(starting())
      const controller = new AbortController()
      const come = moment(receiver)
      const sending = newTransport().send(requestTo(receiver.url, { signal: controller.signal }))
      const ended = expect(sending).rejects.toMatchObject({ reason: null, phase, connectTimedOut: false })
      if (phase !== 'connect') await come
      controller.abort()
      await ended
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      await expect.poll(() => receiver.open()).toBe(0)
    })
  })

  describe('the response', () => {
    it('keeps as many headers as fit, and joins those given twice', async () => {
      const receiver = await start(
        httpReceiver((response) => {
          response.sendDate = false
          response.writeHead(500, { 'x-long': 'x'.repeat(300), 'retry-after': '5', 'set-cookie': ['a=1', 'b=2'] }).end()
        }),
      )
      const { headers } = await newTransport().send(requestTo(receiver.url, { responseHeadersMaxBytes: 100 }))
      expect(headers).toMatchObject({ 'retry-after': '5', 'set-cookie': 'a=1, b=2' })
      expect(headers).not.toHaveProperty('x-long')
    })

    it.each([
      [99, 99, true],
      [100, 100, true],
      [101, 100, true],
      [10_000_000, 100, false],
    ])('of %i bytes is kept up to 100, and its connection only if all of it had come', async (length, kept, reused) => {
      const receiver = await start(answering(500, {}, 'x'.repeat(length)))
      const transport = newTransport()
      const { body } = await transport.send(requestTo(receiver.url, { responseBodyMaxBytes: 100 }))
      expect(body).toHaveLength(kept)
      const { timings } = await transport.send(requestTo(receiver.url, { responseBodyMaxBytes: 100 }))
      expect(timings.connectMs === null).toBe(reused)
    })

    it('tells how long each phase took', async () => {
      const receiver = await start(
        httpReceiver((response) => {
          setTimeout(() => {
            response.write('a')
            setTimeout(() => response.end('b'), 60)
          }, 40)
        }),
      )
      const { timings } = await newTransport().send(requestTo(receiver.url))
      expect(timings.connectMs).toBeGreaterThan(0)
      expect(timings.tlsMs).toBeNull()
      expect(timings.headersMs).toBeGreaterThan(35)
      expect(timings.bodyMs).toBeGreaterThan(55)
    })
  })

  describe('options', () => {
    it.each([
      [{ keepAliveMs: -1 }, 'keepAliveMs'],
      [{ maxIdleSockets: 1.5 }, 'maxIdleSockets'],
      [{ maxSocketsPerHost: 0 }, 'maxSocketsPerHost'],
      [{ timeout: 1 }, 'timeout'],
    ])('%j are refused', (options, path) => {
      expect(() => create(options as object)).toThrow(`${option}.${path}`)
    })
  })
})
