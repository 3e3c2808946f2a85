/** Several senders on one Postgres: nothing lost, nothing locked in a circle, few statements, and a server that goes down. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender, type SenderOptions } from 'hookferry'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/runtime/system-clock.ts'
import type { PgPool } from '../../src/storage/postgres/driver.ts'
import { postgres } from '../../src/storage/postgres/index.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

const ENDPOINTS = 20

let server: OwnServer
let schema = ''
let schemas = 0
const open: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  server = await startOwnServer()
}, 60_000)

afterEach(async () => {
  for (const one of open.splice(0)) await one.stop()
})

afterAll(() => server?.stop())

/** One node, with a pool and a transport of its own. */
function node(options: Partial<SenderOptions> = {}, pool?: PgPool) {
  const clock = systemClock()
  const transport = scriptedTransport(clock, (_, index) => (index % 50 === 49 ? 500 : 200))
  const storage = pool === undefined ? { connectionString: server.url, schema } : { pool, schema }
  const sender = createWebhookSender({
    storage: postgres(storage),
    transport,
    retry: { delaysMs: [50, 50, 50, 50, 50] },
    runtime: { resolve: fakeResolver() },
    ...options,
  })
  const errors: unknown[] = []
  sender.on('error', ({ error }) => errors.push(error))
  open.push(sender)
  return { sender, transport, errors }
}

type Node = ReturnType<typeof node>

async function addEndpoints({ sender }: Node): Promise<void> {
  for (let n = 0; n < ENDPOINTS; n++) {
    const tenant = `tenant_${n % 4}`
    await sender.endpoints.create({ tenant, url: `https://example.com/${n}`, eventTypes: [`order_${n}`] })
  }
}

const eventOf = (n: number) => ({ tenant: `tenant_${n % 4}`, type: `order_${n % ENDPOINTS}`, data: { n } })

async function states(): Promise<Record<number, number>> {
  const rows = await server.query<{ state: number; count: string }>(
    `SELECT state, count(*) AS count FROM ${schema}.hookferry_delivery GROUP BY state`,
  )
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]))
}

const DELIVERED = 2

async function allDelivered(count: number, timeout = 60_000): Promise<void> {
  await expect.poll(states, { timeout, interval: 200 }).toEqual({ [DELIVERED]: count })
}

async function deadlocks(): Promise<number> {
  const [row] = await server.query<{ count: string }>('SELECT sum(deadlocks) AS count FROM pg_stat_database')
  return Number(row?.count)
}

/** How often each (event, endpoint) was requested, beyond what was answered with a failure. */
function requestsOf(...nodes: Node[]): number {
  return nodes.reduce((sum, { transport }) => sum + transport.requests.length, 0)
}

describe('senders on one Postgres', () => {
  it('of which one accepts and two deliver lose nothing and lock nothing in a circle', async () => {
    schema = `senders_${schemas++}`
    const accepting = node()
    await addEndpoints(accepting)
    const workers = [node({ pollMs: 20 }), node({ pollMs: 20 })]
    for (const { sender } of workers) await sender.start()
    const count = 3_000
    for (let n = 0; n < count; n += 100) {
      // A third at each node.
      const at = [accepting, ...workers][(n / 100) % 3]!
      await Promise.all(Array.from({ length: 100 }, (_, more) => at.sender.send(eventOf(n + more))))
    }
    await allDelivered(count)
    expect(await deadlocks()).toBe(0)
    const failures = workers.reduce((sum, { transport }) => sum + Math.floor(transport.requests.length / 50), 0)
    expect(requestsOf(...workers)).toBe(count + failures)
    for (const { transport } of workers) expect(transport.requests.length).toBeGreaterThan(count / 10)
    expect([...accepting.errors, ...workers.flatMap(({ errors }) => errors)]).toEqual([])
  })

  it('send half a statement an event under load', async () => {
    schema = `senders_${schemas++}`
    const pool = new Pool({ connectionString: server.url, max: 10 }).on('error', () => {})
    open.push({ stop: () => pool.end() })
    const counted = counting(pool)
    const { sender, transport } = node({}, counted.pool)
    open.reverse()
    transport.reply(200)
    await addEndpoints({ sender, transport, errors: [] })
    await sender.start()
    await Promise.all(Array.from({ length: 200 }, (_, n) => sender.send(eventOf(n))))
    await allDelivered(200)

    const before = counted.statements()
    const count = 5_000
    const began = performance.now()
    let sent = 0
    // 200 hosts' requests at a time, each sending one event after the other.
    const host = async () => {
      while (sent < count) await sender.send(eventOf(sent++))
    }
    await Promise.all(Array.from({ length: 200 }, host))
    const acceptedMs = performance.now() - began
    await expect.poll(() => transport.requests.length, { timeout: 30_000, interval: 20 }).toBe(count + 200)
    await sleep(100)
    const ratio = (counted.statements() - before) / count
    console.log(
      `postgres: ${ratio.toFixed(3)} statements an event, ${Math.round((count / acceptedMs) * 1_000)} accepts a second`,
    )
    expect(ratio).toBeLessThanOrEqual(0.5)
    await allDelivered(count + 200)
  })

  it('lose nothing when the server goes down, and go on when it is back', async () => {
    schema = `senders_${schemas++}`
    const lease = { lease: { marginMs: 1_000 }, attempt: { deadlineMs: 1_000, connectMs: 1_000 } }
    const nodes = [node({ pollMs: 50, ...lease }), node({ pollMs: 50, ...lease })]
    await addEndpoints(nodes[0]!)
    for (const { sender } of nodes) await sender.start()
    const accepted = new Set<string>()
    let n = 0
    const count = 1_500
    const host = async (one: Node) => {
      while (n < count) {
        const { id } = await one.sender.send(eventOf(n++)).catch(() => ({ id: null }))
        if (id !== null) accepted.add(id)
      }
    }
    const hosts = Array.from({ length: 40 }, (_, index) => host(nodes[index % 2]!))
    await expect.poll(() => accepted.size, { timeout: 20_000, interval: 5 }).toBeGreaterThan(200)
    await server.crash()
    await sleep(300)
    await server.start()
    const requested = requestsOf(...nodes)
    await expect.poll(() => requestsOf(...nodes), { timeout: 20_000, interval: 10 }).toBeGreaterThan(requested)
    await Promise.all(hosts)

    const kept = await server.query<{ id: string }>(`SELECT id FROM ${schema}.hookferry_event`)
    const ids = new Set(kept.map(({ id }) => id))
    expect([...accepted].filter((id) => !ids.has(id))).toEqual([])
    await allDelivered(kept.length)
    const sent = new Set(
      nodes.flatMap(({ transport }) => transport.requests.map(({ headers }) => headers['webhook-id'])),
    )
    expect([...accepted].filter((id) => !sent.has(id))).toEqual([])
  })
})

/** Counts what is sent to the server, whoever sends it: BEGIN and COMMIT, too. */
function counting(pool: Pool): { pool: PgPool; statements(): number } {
  let count = 0
  return {
    statements: () => count,
    pool: {
      async connect() {
        const client = await pool.connect()
        return {
          query: (config) => {
            count++
            return client.query(config as never)
          },
          release: (destroy) => client.release(destroy),
          on: (event: string, listener: (value: never) => void) => client.on(event as 'error', listener as never),
          removeListener: (event: string, listener: (value: never) => void) =>
            client.removeListener(event, listener as never),
        }
      },
    },
  }
}
