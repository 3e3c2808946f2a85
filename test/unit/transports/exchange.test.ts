import { EventEmitter } from 'node:events'
import { Agent, type ClientRequest, request as httpRequest } from 'node:http'
import { expect, it } from 'vitest'
import { Exchange } from '../../../src/transports/exchange.ts'
import { followed } from '../../../src/transports/node-fetch/follow.ts'
import { friendly, rawReceiver } from '../../support/receivers/index.ts'
import { requestTo } from '../../support/receivers/request.ts'

const addresses = [{ address: '192.0.2.1', family: 4 as const }]

it('sends not a byte over a new connection that leads to an address which was not checked', async () => {
  const received: Buffer[] = []
  const receiver = await rawReceiver((socket) => socket.on('data', (data) => received.push(data)))
  const exchange = new Exchange(requestTo(receiver.url, { addresses }), false)
  const outgoing = httpRequest(receiver.url, { method: 'POST' })
  followed(exchange).follow(outgoing)
  outgoing.end('secret')
  await expect(exchange.response).rejects.toMatchObject({
    transportFailure: true,
    phase: 'connect',
    reason: 'other',
    remoteAddress: '127.0.0.1',
    message: expect.stringContaining('blocked'),
  })
  await expect.poll(() => receiver.open()).toBe(0)
  expect(received).toEqual([])
  await receiver.close()
})

it('nor over a kept one', async () => {
  const receiver = await friendly()
  const agent = new Agent({ keepAlive: true })
  await new Promise((resolve) => {
    const first = httpRequest(receiver.url, { agent }, (response) => response.resume().on('end', resolve))
    first.end()
  })
  await expect.poll(() => Object.keys(agent.freeSockets)).toHaveLength(1)
  const exchange = new Exchange(requestTo(receiver.url, { addresses }), false)
  const outgoing = httpRequest(receiver.url, { method: 'POST', agent })
  followed(exchange).follow(outgoing)
  outgoing.end('secret')
  await expect(exchange.response).rejects.toMatchObject({ message: expect.stringContaining('blocked') })
  await expect.poll(() => receiver.open()).toBe(0)
  expect(receiver.requests).toHaveLength(1)
  await receiver.close()
})

it("takes node's word that a response is complete over an error that comes behind it", async () => {
  const exchange = new Exchange(requestTo('http://127.0.0.1/'), false)
  const outgoing = Object.assign(new EventEmitter(), { writableFinished: true })
  const { follow, failBy } = followed(exchange)
  follow(outgoing as unknown as ClientRequest)
  outgoing.emit('response', { statusCode: 200, headers: {}, complete: true })
  failBy(Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }))
  expect(await exchange.response).toMatchObject({ status: 200 })
})
