import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type SenderOptions, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { afterEach, beforeEach, expect } from 'vitest'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { type ScriptedTransport, scriptedTransport } from '../../src/testing/scripted-transport.ts'

/** What the tests of storage faults share: senders on a file of their own, and a driver whose handles can be reached. */

interface Handle {
  exec(sql: string): void
  pragma(text: string): unknown
  prepare(sql: string): { get(...values: unknown[]): unknown; run(...values: unknown[]): unknown }
  close(): void
}

type Driver = new (path: string) => Handle

// The driver that the storage loads is replaced by one that remembers its handles: a limit is a matter of each connection.
const require = createRequire(import.meta.url)
const DRIVER = 'better-sqlite3'
const Real = require(DRIVER) as Driver
export const handles: Handle[] = []
const cached = require.cache[require.resolve(DRIVER)]
if (cached === undefined) throw new Error('the driver is loaded as a CommonJS module')
cached.exports = new Proxy(Real, {
  construct(target, args) {
    const handle = new target(...(args as [string]))
    handles.push(handle)
    return handle
  },
})

/** The file of this test, and its folder; a test may choose another one. */
export const place = { folder: '', path: '' }

const open: { stop(): Promise<void> }[] = []
/** Connections of others to the same file. */
export const raw: Handle[] = []
const crashes: unknown[] = []
const onCrash = (error: unknown) => crashes.push(error)

beforeEach(() => {
  place.folder = mkdtempSync(join(tmpdir(), 'hookferry-faults-'))
  place.path = join(place.folder, 'webhooks.db')
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', onCrash)
})

afterEach(async () => {
  for (const handle of raw.splice(0)) handle.close()
  for (const sender of open.splice(0)) await sender.stop()
  handles.length = 0
  rmSync(place.folder, { recursive: true, force: true })
  process.off('uncaughtException', onCrash)
  process.off('unhandledRejection', onCrash)
  expect(crashes.splice(0)).toEqual([])
})

export interface Made {
  sender: WebhookSender
  transport: ScriptedTransport
  errors: { error: Error; context: string }[]
}

export function make(options: SenderOptions = {}): Made {
  const transport = scriptedTransport(systemClock())
  const sender = createWebhookSender({
    storage: sqlite({ path: place.path }),
    transport,
    acceptTimeoutMs: 400,
    pollMs: 50,
    runtime: { resolve: fakeResolver() },
    ...options,
  })
  const errors: Made['errors'] = []
  sender.on('error', (news) => errors.push(news))
  open.push({ stop: () => sender.stop({ graceMs: 1_000 }) })
  return { sender, transport, errors }
}

export function second(): Handle {
  const handle = new Real(place.path)
  raw.push(handle)
  return handle
}

export const event = { type: 'invoice.paid', data: { amount: 1 } }
export const ENDPOINT = { url: 'https://example.com/hooks' }

type Failure = Error & { code: string; retryable: boolean }

export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  try {
    await call
  } catch (error) {
    return error as Failure
  }
  throw new Error('the call should have failed')
}

/** Ids of all events that are stored. */
export async function stored(sender: WebhookSender): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof sender.events.list>> = await sender.events.list({
      limit: 200,
      ...(cursor === null ? {} : { cursor }),
    })
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return ids.sort()
}

/** All of it works: an event goes in, and out. */
export async function works({ sender, transport }: Made): Promise<void> {
  const { id: endpoint } = await sender.endpoints.create({ ...ENDPOINT, eventTypes: ['probe'] })
  const before = transport.requests.length
  const { id } = await sender.send({ ...event, type: 'probe' })
  await sender.drain()
  expect(transport.requests.slice(before).some(({ headers }) => headers['webhook-id'] === id)).toBe(true)
  expect((await sender.deliveries.list({ endpointId: endpoint })).items).toMatchObject([{ state: 'delivered' }])
}
