import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { SocketOptions } from '../../../src/transports/options.ts'
import { closedAfterEach } from '../../support/closed-after-each.ts'
import { answering, friendly, httpReceiver, makeCertificates, type Receiver } from '../../support/receivers/index.ts'
import { requestTo, sendWithin } from '../../support/receivers/request.ts'
import { startTlsProcess } from '../../support/receivers/tls-process.ts'
import { TRANSPORTS } from '../../support/transports.ts'

/** What every transport keeps of its connections, and for how long. */

const closed = closedAfterEach()
const start = async (starting: Promise<Receiver>) => closed(await starting)

describe.each(TRANSPORTS)('$name', ({ create }) => {
  const newTransport = (options?: SocketOptions) => closed(create(options))

  describe('kept connections', () => {
    it.each([
      ['with a length', (body: string) => answering(200, { 'content-length': String(body.length) }, body)],
      ['in chunks', (body: string) => answering(200, { 'transfer-encoding': 'chunked' }, body)],
      ['without a body', () => answering(204)],
    ])('serve three hundred requests %s', async (_name, starting) => {
      const receiver = await start(starting('fine'))
      const transport = newTransport()
      for (let number = 0; number < 300; number += 1) await transport.send(requestTo(receiver.url))
      expect(receiver.requests).toHaveLength(300)
      expect(receiver.accepted()).toBe(1)
    })

    it('serve TLS as well', async () => {
      const certificates = makeCertificates()
      const receiver = await start(friendly(certificates.valid))
      const transport = newTransport({ ca: certificates.ca })
      const first = await transport.send(requestTo(receiver.url))
      expect(first.timings.tlsMs).toBeGreaterThan(0)
      const second = await transport.send(requestTo(receiver.url))
      expect(second.timings).toMatchObject({ connectMs: null, tlsMs: null })
      expect(receiver.accepted()).toBe(1)
    })

    it('are not given up for an answer that comes before TLS has told of its last write', async () => {
      const certificates = makeCertificates()
      const receiver = closed(await startTlsProcess(certificates.valid))
      const transport = newTransport({ ca: certificates.ca })
      for (let number = 0; number < 300; number += 1) {
        await transport.send(requestTo(`https://localhost:${receiver.port}/`))
      }
      expect(await receiver.seen()).toMatchObject({ requests: 300, connections: 1 })
    })

    it('that are new resume the TLS session of the last one', async () => {
      const certificates = makeCertificates()
      const receiver = closed(await startTlsProcess(certificates.valid))
      const transport = newTransport({ ca: certificates.ca, keepAliveMs: 0 })
      for (let number = 0; number < 3; number += 1) {
        await transport.send(requestTo(`https://localhost:${receiver.port}/`))
      }
      expect(await receiver.seen()).toEqual({ requests: 3, connections: 3, resumed: 2 })
    })

    it('are closed by us when idle for keepAliveMs', async () => {
      const receiver = await start(friendly())
      const transport = newTransport({ keepAliveMs: 100 })
      await transport.send(requestTo(receiver.url))
      expect(receiver.open()).toBe(1)
      await expect.poll(() => receiver.open()).toBe(0)
    })

    it('are not closed while a reused one waits for a slow answer', async () => {
      const receiver = await start(
        httpReceiver((response, _request, number) => setTimeout(() => response.end('ok'), number === 1 ? 0 : 300)),
      )
      const transport = newTransport({ keepAliveMs: 100 })
      await transport.send(requestTo(receiver.url))
      expect(await transport.send(requestTo(receiver.url))).toMatchObject({ status: 200, timings: { connectMs: null } })
    })

    it('are closed a second before the server would', async () => {
      const receiver = await start(answering(200, { 'keep-alive': 'timeout=1' }))
      const transport = newTransport()
      await transport.send(requestTo(receiver.url))
      await expect.poll(() => receiver.open()).toBe(0)
    })

    it('are as many as maxIdleSockets, and none when keepAliveMs is 0', async () => {
      const receiver = await start(friendly())
      for (const [options, kept] of [
        [{ maxIdleSockets: 2 }, 2],
        [{ keepAliveMs: 0 }, 0],
      ] as const) {
        const transport = newTransport(options)
        await Promise.all(Array.from({ length: 6 }, () => transport.send(requestTo(receiver.url))))
        await expect.poll(() => receiver.open()).toBe(kept)
        await transport.close()
        await expect.poll(() => receiver.open()).toBe(0)
      }
    })

    it('to one host are at most maxSocketsPerHost; requests beyond it wait', async () => {
      const receiver = await start(friendly())
      const transport = newTransport({ maxSocketsPerHost: 2 })
      await Promise.all(Array.from({ length: 10 }, () => transport.send(requestTo(receiver.url))))
      expect(receiver.accepted()).toBe(2)
    })

    it('gather no listeners', async () => {
      const receiver = await start(friendly())
      const warnings: Error[] = []
      const onWarning = (warning: Error) => warnings.push(warning)
      process.on('warning', onWarning)
      const transport = newTransport()
      const controller = new AbortController()
      for (let number = 0; number < 30; number += 1) {
        await transport.send(requestTo(receiver.url, { signal: controller.signal }))
      }
      await new Promise((resolve) => setImmediate(resolve))
      process.off('warning', onWarning)
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
      expect(warnings).toEqual([])
    })
  })

  describe('close', () => {
    it('lets those in use finish and keeps none', async () => {
      const receiver = await start(httpReceiver((response) => setTimeout(() => response.end('late'), 100)))
      const transport = newTransport()
      const sending = transport.send(requestTo(receiver.url))
      await expect.poll(() => receiver.requests.length).toBe(1)
      await transport.close()
      expect(await sending).toMatchObject({ status: 200 })
      await expect.poll(() => receiver.open()).toBe(0)
    })

    it('refuses what comes later', async () => {
      const transport = newTransport()
      await transport.close()
      const { failure } = await sendWithin(transport, 1_000, 'http://127.0.0.1:1/')
      expect(failure).toMatchObject({ reason: 'other', message: 'the transport is closed' })
    })
  })
})
