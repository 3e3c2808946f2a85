import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { SocketOptions } from '../../../src/transports/options.ts'
import { closedAfterEach } from '../../support/closed-after-each.ts'
import { friendly, type Receiver, rawReceiver } from '../../support/receivers/index.ts'
import { requestTo, sendWithin } from '../../support/receivers/request.ts'
import { TRANSPORTS } from '../../support/transports.ts'

/** Receivers that say more than they are asked, less than they announce, or close behind one's back. */

const closed = closedAfterEach()
const start = async (starting: Promise<Receiver>) => closed(await starting)

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const FLOOD_BYTES = 4e6

/** Says the same to each request. */
const saying = (text: string) => rawReceiver((socket) => socket.on('data', () => socket.write(text, 'latin1')))

describe.each(TRANSPORTS)('$name', ({ create }) => {
  const newTransport = (options?: SocketOptions) => closed(create(options))

  it.each(['100 Continue', '103 Early Hints'])('ends an answer that 33 times is %s', async (line) => {
    const interim = `HTTP/1.1 ${line}\r\n\r\n`
    const fine = await start(saying(interim.repeat(32) + OK))
    expect(await newTransport().send(requestTo(fine.url))).toMatchObject({ status: 200 })
    const flood = await start(saying(interim.repeat(33) + OK))
    const { failure } = await sendWithin(newTransport(), 2_000, flood.url)
    expect(failure).toMatchObject({ phase: 'headers', reason: 'protocol', status: null })
    await expect.poll(() => flood.open()).toBe(0)
  })

  it.each([
    ['status line', 'headers', 'HTTP/1.1 200 '],
    ['chunk extension', 'body', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;'],
  ])('ends a %s without end', async (_name, phase, begin) => {
    const receiver = await start(saying(begin + 'x'.repeat(FLOOD_BYTES)))
    const { failure } = await sendWithin(newTransport(), 2_000, receiver.url)
    expect(failure).toMatchObject({ phase, reason: 'protocol' })
    await expect.poll(() => receiver.open()).toBe(0)
  })

  it.each([204, 304])('takes %i for whole, whatever length it tells', async (status) => {
    const receiver = await start(saying(`HTTP/1.1 ${status} Fine\r\ncontent-length: 2\r\n\r\nok`))
    const transport = newTransport()
    for (let number = 0; number < 2; number += 1) {
      expect(await transport.send(requestTo(receiver.url))).toMatchObject({ status, body: Buffer.alloc(0) })
    }
  })

  it('sends over no kept connection whose end has not been told yet', async () => {
    const sockets: Socket[] = []
    const onSocket = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
    subscribe('net.client.socket', onSocket)
    const receiver = await start(friendly())
    const transport = newTransport()
    await transport.send(requestTo(receiver.url))
    unsubscribe('net.client.socket', onSocket)
    await expect.poll(() => receiver.open()).toBe(1)
    sockets[0]?.destroy()
    expect(await transport.send(requestTo(receiver.url))).toMatchObject({ status: 200 })
    expect(receiver.accepted()).toBe(2)
  })
})
