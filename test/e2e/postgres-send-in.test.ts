/** Transactional send on Postgres by the public face: many at once wait for nobody, a commit is seen soon, odd text harms nobody. */
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender, type SenderOptions } from 'hookferry'
import { type PostgresStorage, postgres } from 'hookferry/postgres'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

const HOSTS = 50
/** For all of them together, on a machine that does other things too: who waits, waits for as long as the others stay open. */
const RETURNED_MS = 10_000

let server: OwnServer
let http: HttpServer
let schemas = 0
/** When each webhook came, by its id. */
const came = new Map<string, number>()
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startOwnServer(['-c', 'fsync=off'])
  http = createServer((request, response) => {
    came.set(String(request.headers['webhook-id']), performance.now())
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
}, 60_000)

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

afterAll(async () => {
  http?.closeAllConnections()
  await new Promise((resolve) => http?.close(resolve))
  await server?.stop()
})

const newSchema = () => `send_in_${schemas++}`

function senderOn(schema: string, options: Omit<SenderOptions, 'storage'> = {}) {
  const sender = createWebhookSender<PostgresStorage>({
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    ...options,
    storage: postgres({ connectionString: server.url, schema }),
  })
  ends.push(() => sender.stop())
  return sender
}

async function client(): Promise<Client> {
  const one = new Client({ connectionString: server.url, application_name: 'host' })
  await one.connect()
  ends.push(() => one.end())
  return one
}

const receiverUrl = () => `http://127.0.0.1:${(http.address() as AddressInfo).port}/`

describe('50 transactions that are open at once', () => {
  const waiting = `SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'
    UNION ALL SELECT locktype FROM pg_locks WHERE NOT granted`

  it.each(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])('%s: none waits for another', async (level) => {
    const schema = newSchema()
    const sender = senderOn(schema)
    await sender.endpoints.create({ tenant: 'acme', url: receiverUrl() })
    const hosts = await Promise.all(Array.from({ length: HOSTS }, client))
    await Promise.all(hosts.map((host) => host.query(`BEGIN ISOLATION LEVEL ${level}`)))

    const seen: unknown[] = []
    const began = performance.now()
    let sending = true
    const sent = Promise.all(
      hosts.map(async (host, n) => {
        const event = { type: 'order.paid', data: { n } }
        // The second tenant was never seen before, and half of its events stand in line for one another.
        const more = { idempotencyKey: `order ${n}`, ...(n % 2 === 0 ? { orderingKey: 'all' } : {}) }
        await sender.sendIn(host, { ...event, tenant: 'acme' })
        await sender.sendIn(host, { ...event, ...more, tenant: 'fresh' })
      }),
    ).finally(() => {
      sending = false
    })
    while (sending && performance.now() - began < RETURNED_MS) seen.push(...(await server.query(waiting)))
    const tookMs = performance.now() - began
    // Those that wait would go on for as long as the test: they are let go.
    if (sending)
      await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'host'`)
    await sent
    expect(seen).toEqual([])
    expect(tookMs).toBeLessThan(RETURNED_MS)
    expect(await server.query(waiting)).toEqual([])

    // Of many that are SERIALIZABLE the server may end some, as one that can not be put in line with the others.
    const ended = await Promise.allSettled(hosts.map((host) => host.query('COMMIT')))
    const refusals = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []))
    expect(new Set(refusals)).toEqual(new Set(level === 'SERIALIZABLE' && refusals.length > 0 ? ['40001'] : []))
    const committed = HOSTS - refusals.length
    expect(committed).toBeGreaterThan(0)
    const tenants = await server.query(
      `SELECT tenant, count(*)::integer AS count FROM ${schema}.hookferry_event GROUP BY tenant ORDER BY tenant`,
    )
    expect(tenants).toEqual([
      { tenant: 'acme', count: committed },
      { tenant: 'fresh', count: committed },
    ])
    console.info(`${HOSTS} open transactions, ${level}:`, { calls: 2 * HOSTS, tookMs: Math.round(tookMs), committed })
  })
})

describe('what is committed is delivered', () => {
  /** How long hosts go on after `sendIn` before they commit. */
  const HOLDS_MS = { short: [0, 0, 5, 10, 20], long: [0, 20, 60, 150] }

  /** From the commit to the webhook, for several one after the other; between them nobody has anything to do. */
  async function delays(sends: ReturnType<typeof senderOn>, holdsMs: readonly number[]): Promise<number[]> {
    const host = await client()
    const took: number[] = []
    for (const holdMs of holdsMs) {
      await sleep(200)
      await host.query('BEGIN')
      const { id } = await sends.sendIn(host, { type: 'order.paid', data: { holdMs } })
      if (holdMs > 0) await sleep(holdMs)
      expect(came.has(id)).toBe(false)
      await host.query('COMMIT')
      const committed = performance.now()
      await expect.poll(() => came.has(id), { timeout: 90_000, interval: 5 }).toBe(true)
      took.push(Math.round(came.get(id)! - committed))
    }
    return took
  }

  it('soon by the same process, however seldom it polls', async () => {
    const sender = senderOn(newSchema(), { pollMs: 60_000 })
    await sender.endpoints.create({ url: receiverUrl() })
    await sender.start()
    const took = await delays(sender, HOLDS_MS.short)
    console.info('ms from commit to webhook, same process, pollMs 60,000:', took.join(', '))
    expect(Math.max(...took)).toBeLessThan(500)
  })

  it('by another process within pollMs and a second', async () => {
    const schema = newSchema()
    const pollMs = 500
    const [accepts, delivers] = [senderOn(schema), senderOn(schema, { pollMs })]
    await accepts.endpoints.create({ url: receiverUrl() })
    await delivers.start()
    const took = await delays(accepts, HOLDS_MS.long)
    console.info(`ms from commit to webhook, another process, pollMs ${pollMs}:`, took.join(', '))
    expect(Math.max(...took)).toBeLessThan(pollMs + 1_000)
  })
})

describe('text that Postgres can not store', () => {
  const EVENT = { type: 'order.paid', data: 1 }
  const NUL = 'a\0b'
  const refused: [string, object][] = [
    ['idempotencyKey', { idempotencyKey: NUL }],
    ['orderingKey', { orderingKey: NUL }],
    ['tenant', { tenant: NUL }],
    ['contentType', { data: undefined, body: new Uint8Array(1), contentType: `text/plain; a=${NUL}` }],
    ['headers', { headers: { 'x-a': NUL } }],
    ['metadata', { metadata: { a: NUL } }],
    ['metadata', { metadata: { [NUL]: 'a' } }],
    ['endpoints', { endpoints: [NUL] }],
  ]

  it.each(refused)(
    'is refused in %s, and harms neither others of its batch nor the transaction',
    async (name, over) => {
      const sender = senderOn(newSchema())
      const host = await client()
      const given = Object.entries({ ...EVENT, ...over }).filter(([, value]) => value !== undefined)
      const event = Object.fromEntries(given) as unknown as typeof EVENT
      const refusal = { name: 'ArgumentError', path: expect.stringMatching(new RegExp(`^send.${name}`)) }
      const batch = [sender.send(EVENT), sender.send(event), sender.send(EVENT)]
      const [first, wrong, last] = await Promise.allSettled(batch)
      expect([first?.status, last?.status]).toEqual(['fulfilled', 'fulfilled'])
      expect(wrong).toMatchObject({ status: 'rejected', reason: refusal })
      await host.query('BEGIN')
      await expect(sender.sendIn(host, event)).rejects.toMatchObject(refusal)
      await sender.sendIn(host, EVENT)
      await host.query('COMMIT')
      expect((await sender.events.list()).items).toHaveLength(3)
    },
  )

  it('is kept to the last character within data', async () => {
    const sender = senderOn(newSchema())
    await sender.health()
    const host = await client()
    await host.query('BEGIN')
    const { id } = await sender.sendIn(host, { type: 'order.paid', data: { [NUL]: NUL } })
    await host.query('COMMIT')
    const kept = await sender.events.get(id)
    expect(JSON.parse(Buffer.from(kept!.body).toString('utf8')).data).toEqual({ [NUL]: NUL })
  })
})
