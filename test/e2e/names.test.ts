import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { afterEach, expect, it } from 'vitest'
import { createResolver } from '../../src/runtime/resolver.ts'
import { type DnsReply, nameServer, SERVFAIL } from '../support/receivers/name-server.ts'

/** Customers' host names, through the whole sender with its own transport. */

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

it('fifty hung host names use none of the threads on which the host resolves its own', async () => {
  // Hung until the test lets go, so that an answer before that is one while all of them hang, on a slow machine, too.
  let letGo = () => {}
  const hung = new Promise<DnsReply>((resolve) => {
    letGo = () => resolve(SERVFAIL)
  })
  let reply: DnsReply | Promise<DnsReply> = SERVFAIL
  let now = 0
  const silent = await nameServer(() => reply)
  closing.push(silent.close)
  const sender = createWebhookSender({
    storage: sqlite({ path: ':memory:' }),
    attempt: { deadlineMs: 60_000 },
    retry: { delaysMs: [] },
    runtime: { resolve: createResolver({ servers: [silent.address], timeoutMs: 60_000, monotonic: () => now }) },
  })
  closing.push(() => sender.stop({ graceMs: 0 }))
  const hosts = Array.from({ length: 50 }, (_, index) => `hung-${index}.example`)
  await Promise.all(
    hosts.map((host, index) => sender.endpoints.create({ url: `https://${host}/`, eventTypes: [`to.e${index}`] })),
  )
  silent.questions.length = 0
  reply = hung
  // So that what they were told when they were created is known no more.
  now += 60_000
  await sender.start()
  await Promise.all(hosts.map((_, index) => sender.send({ type: `to.e${index}`, data: 1 })))
  const asked = () => new Set(silent.questions.map(({ name }) => name)).size
  // At most a quarter of the 100 slots goes to endpoints that do not answer.
  await expect.poll(asked, { timeout: 20_000 }).toBeGreaterThanOrEqual(25)
  expect(process.getActiveResourcesInfo()).not.toContain('GetAddrInfoReqWrap')
  await lookup('localhost')
  expect((await sender.health()).inFlight).toBeGreaterThanOrEqual(25)
  letGo()
  const ended = async () => (await sender.deliveries.list({ state: 'failed' })).items.length
  await expect.poll(ended, { timeout: 20_000 }).toBe(50)
  const { items } = await sender.deliveries.list({ limit: 1 })
  const attempts = await sender.deliveries.attempts(items[0]?.id ?? '')
  expect(attempts.items).toMatchObject([{ outcome: 'connection_failed', error: { reason: 'dns' } }])
})

it('a name that was public when its endpoint was created and leads home at the attempt is not connected to', async () => {
  let connections = 0
  const home = createServer((_request, response) => response.end())
  home.on('connection', () => connections++)
  await new Promise<void>((resolve) => home.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => home.close(resolve)))
  const { port } = home.address() as AddressInfo
  let address = '93.184.215.14'
  const sender = createWebhookSender({
    storage: sqlite({ path: ':memory:' }),
    network: { allowHttp: true },
    runtime: {
      resolve: async () => [
        { address: '93.184.215.14', family: 4 },
        { address, family: 4 },
      ],
    },
  })
  closing.push(() => sender.stop({ graceMs: 0 }))
  await sender.endpoints.create({ url: `http://rebinding.example:${port}/` })
  address = '127.0.0.1'
  await sender.send({ type: 'a', data: 1 })
  expect(await sender.drain()).toMatchObject({ attempts: 1 })
  const [delivery] = (await sender.deliveries.list()).items
  const { items } = await sender.deliveries.attempts(delivery?.id ?? '')
  expect(items[0]).toMatchObject({ outcome: 'blocked', status: null, remoteAddress: null })
  await sleep(50)
  expect(connections).toBe(0)
})
