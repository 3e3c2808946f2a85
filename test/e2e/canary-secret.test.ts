import { inspect } from 'node:util'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { afterEach, expect, it } from 'vitest'
import { LIFECYCLE_NAMES } from '../../src/engine/lifecycle-events.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'

/** A planted secret leaves the sender by `create` and as signatures, and by nothing else that anybody can see. */

const CANARY = Buffer.from('canary-0123456789-canary-0123456')
const SECRET = `whsec_${CANARY.toString('base64')}`

let sender: WebhookSender
afterEach(() => sender.stop({ graceMs: 0 }))

it('a planted secret is in no list, event, log, error or request', async () => {
  const seen: unknown[] = []
  const log = (...told: unknown[]) => seen.push(told)
  const transport = scriptedTransport(systemClock(), (_request, index) => (index % 2 === 0 ? 500 : 410))
  sender = createWebhookSender({
    storage: sqlite({ path: ':memory:' }),
    transport,
    logger: { debug: log, info: log, warn: log, error: log },
    retry: {
      delaysMs: [10],
      jitter: 0,
      decide: (...asked) => {
        seen.push(asked)
        throw new Error('undecided')
      },
    },
    disable: {
      decide: (health) => {
        seen.push(health)
        throw new Error('undecided')
      },
    },
    runtime: { resolve: fakeResolver() },
  })
  for (const name of LIFECYCLE_NAMES) {
    sender.on(name, (payload) => {
      seen.push(payload)
      throw new Error('a listener that throws')
    })
  }
  const { id, secret } = await sender.endpoints.create({ url: 'https://a.example/', secret: SECRET })
  expect(secret).toBe(SECRET)
  const failing = async (call: () => Promise<unknown>) => seen.push(await call().catch((error) => error))
  await failing(() => sender.endpoints.create({ url: 'ftp://a.example/', secret: SECRET }))
  await failing(() => sender.endpoints.create({ url: 'https://a.example/', secret: SECRET.slice(0, 30) }))
  await failing(() => sender.endpoints.create({ url: 'https://a.example/', secret: `${SECRET}!` }))
  await failing(() => sender.endpoints.update(id, { secret: SECRET } as object))
  await failing(() => sender.endpoints.pause(id))
  await failing(() => sender.endpoints.resume(id))
  await failing(() => sender.endpoints.update(id, { description: 'new' }))
  await sender.send({ type: 'a', data: 1 })
  await sender.drain({ until: new Date(Date.now() + 1_000) })
  expect(transport.requests).toHaveLength(2)
  seen.push(transport.requests, await sender.health(), await sender.endpoints.get(id), await sender.endpoints.list())
  seen.push(await sender.events.list(), await sender.deliveries.list())
  for (const { id: delivery } of (await sender.deliveries.list()).items) {
    seen.push(await sender.deliveries.attempts(delivery))
  }
  expect(seen.length).toBeGreaterThan(15)
  const text = inspect(seen, { depth: null, maxArrayLength: null, maxStringLength: null, showHidden: true })
  const bare = CANARY.toString('base64').replace(/=+$/, '')
  for (const form of [CANARY.toString(), bare, CANARY.toString('hex'), encodeURIComponent(bare), bare.slice(0, 24)]) {
    expect(text).not.toContain(form)
  }
})
