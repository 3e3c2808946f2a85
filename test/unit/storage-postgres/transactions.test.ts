/** What is given instead of a transaction is told apart by its shape, before anything is sent. */
import Database from 'better-sqlite3'
import { describe, expect, it, vi } from 'vitest'
import {
  drizzleTx,
  kyselyTx,
  type PostgresTransaction,
  postgres,
  postgresJsTx,
  prismaTx,
} from '../../../src/storage/postgres/index.ts'
import { NOW } from '../../../src/testing/storage-suite/fixtures.ts'

const storage = postgres({ connectionString: 'postgres://localhost:1/none' })

const event = {
  event: {
    id: 'evt_a',
    tenant: 'default',
    type: 'invoice.paid',
    occurredAt: NOW,
    createdAt: NOW,
    deliverAt: NOW,
    idempotencyKey: null,
    orderingKey: null,
    contentType: 'application/json',
    body: new Uint8Array(),
    headers: {},
    metadata: {},
    canceledAt: null,
  },
  idGiven: false,
  hash: 'hash',
  idempotencyExpiresAt: null,
  endpointIds: null,
}

const insert = (tx: unknown) => storage.insertEventIn(tx as PostgresTransaction, { now: NOW, event })

describe('a transaction of the host', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'BEGIN'],
    ['a connection string', 'postgres://localhost/app'],
    ['a function', () => {}],
    ['an empty object', {}],
    ['a query that is none', { query: 'SELECT 1' }],
  ])('is not %s: the error tells what it is', async (_, tx) => {
    await expect(insert(tx)).rejects.toMatchObject({
      name: 'ArgumentError',
      code: 'argument_type',
      path: 'sendIn.tx',
      message: expect.stringMatching(/client of pg that ran BEGIN.*kyselyTx.*drizzleTx.*prismaTx.*postgresJsTx/),
    })
  })

  it('is not a database of better-sqlite3', async () => {
    const db = new Database(':memory:')
    await expect(insert(db)).rejects.toMatchObject({
      path: 'sendIn.tx',
      message: expect.stringContaining('better-sqlite3'),
    })
    db.close()
  })

  it.each([
    ['kyselyTx', kyselyTx],
    ['drizzleTx', drizzleTx],
    ['prismaTx', prismaTx],
    ['postgresJsTx', postgresJsTx],
  ])('is not made by %s of anything else', (name, adapter) => {
    for (const wrong of [undefined, null, 5, {}, { query: async () => ({ rows: [] }) }]) {
      expect(() => adapter(wrong as never)).toThrow(
        expect.objectContaining({ code: 'argument_type', path: 'sendIn.tx', message: expect.stringContaining(name) }),
      )
    }
  })

  it.each([
    ['I', 'not_in_transaction'],
    [null, 'not_in_transaction'],
    ['E', 'transaction_aborted'],
  ])('in the state %s is asked for nothing: %s', async (status, code) => {
    const query = vi.fn()
    await expect(insert({ query, getTransactionStatus: () => status })).rejects.toMatchObject({
      code,
      retryable: false,
    })
    expect(query).not.toHaveBeenCalled()
  })

  it('that can not tell its state is marked first, and the event is written by that mark', async () => {
    const query = vi.fn(async (text: string) => ({ rows: text.includes('set_config') ? [] : [{ held: 'false' }] }))
    await expect(insert({ query })).rejects.toMatchObject({ code: 'not_in_transaction' })
    const [[mark, marked], [, values]] = query.mock.calls as unknown as [[string, string[]], [string, string[]]]
    expect(mark).toContain(`set_config('hookferry.tx',`)
    expect(values).toContain(marked[0])
  })

  it.each([
    ['25P02', 'transaction_aborted'],
    ['40P01', 'storage_busy'],
    ['53100', 'storage_full'],
    ['25006', 'storage_read_only'],
    ['57P01', 'storage_unavailable'],
  ])('that fails with %s, however deep it stands, is told as %s', async (state, code) => {
    const bare = Object.assign(new Error('told by the server'), { code: state })
    const wrapped = new Error('Failed query', { cause: bare })
    const prisma = { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: state } } } }
    for (const error of [bare, wrapped, Object.assign(new Error('Raw query failed'), prisma)]) {
      const query = async () => Promise.reject(error)
      await expect(insert({ query, getTransactionStatus: () => 'T' })).rejects.toMatchObject({ code })
      await expect(insert({ query })).rejects.toMatchObject({ code })
    }
  })
})
