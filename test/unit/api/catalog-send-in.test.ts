import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvents, event } from '../../../src/catalog.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { createTestSender } from '../../../src/testing/test-sender.ts'
import { quiet } from '../engine/rig.ts'
import { freshPath } from '../storage-sqlite/fixtures.ts'

/** Schemas within the synchronous transactions of SQLite. */

const later = { '~standard': { version: 1 as const, vendor: 'own', validate: async (value: unknown) => ({ value }) } }
const rejecting = { '~standard': { ...later['~standard'], validate: () => Promise.reject(new Error('nobody waits')) } }
const events = defineEvents({
  'order.placed': event(z.object({ id: z.string(), at: z.date().transform((date) => date.getTime()) })),
  'order.async': event(z.string().refine(async () => true)),
  'order.later': event(later),
  'order.rejecting': event(rejecting),
})

let host: Database.Database
let made: ReturnType<typeof open>
const open = (path: string) => createTestSender({ storage: sqlite({ path }), events })

beforeEach(async () => {
  const path = freshPath()
  made = open(path)
  await made.sender.health()
  host = new Database(path, { timeout: 5 })
  host.exec('CREATE TABLE orders (id TEXT PRIMARY KEY) STRICT')
})
afterEach(async () => {
  host.close()
  await made.sender.stop()
})

const place = (send: () => unknown) =>
  host.transaction(() => {
    host.prepare('INSERT INTO orders (id) VALUES (?)').run('o1')
    return send()
  })()

const count = () => [
  host.prepare('SELECT count(*) FROM orders').pluck().get(),
  host.prepare('SELECT count(*) FROM hookferry_event').pluck().get(),
]

it('the output of a schema that answers at once is written with the host’s own rows', async () => {
  const at = new Date(5)
  place(() => made.sender.sendIn(host, { type: 'order.placed', data: { id: 'o1', at } }))
  expect(count()).toEqual([1, 1])
  await made.sender.endpoints.create({ url: 'https://example.com' })
  const [kept] = (await made.sender.events.list()).items
  const { body } = (await made.sender.events.get(kept?.id ?? '')) ?? {}
  expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({ data: { id: 'o1', at: 5 } })
})

it('a refusal may be caught within the transaction, which goes on', () => {
  const at = 'not a date' as unknown as Date
  place(() => {
    expect(() => made.sender.sendIn(host, { type: 'order.placed', data: { id: 'o1', at } })).toThrow(
      expect.objectContaining({ code: 'event_invalid', message: expect.stringMatching(/send\.data\.at: /) }),
    )
  })
  expect(count()).toEqual([1, 0])
})

it.each(['order.async', 'order.later', 'order.rejecting'] as const)(
  'an asynchronous schema is refused, and nothing is written: %s',
  async (type) => {
    const call = () => place(() => made.sender.sendIn(host, { type, data: 'x' }))
    expect(call).toThrow(expect.objectContaining({ code: 'argument_invalid', path: 'send.data' }))
    expect(call).toThrow(/asynchronous schema.*use send\(\)/)
    expect(count()).toEqual([0, 0])
    expect(made.clock.nextTimerAt()).toBeNull()
    // A rejection that nobody hears would fail this file.
    await quiet()
  },
)

it('an asynchronous schema is waited for by send', async () => {
  const { id } = await made.sender.send({ type: 'order.async', data: 'x' })
  expect(await made.sender.events.get(id)).toMatchObject({ type: 'order.async' })
})
