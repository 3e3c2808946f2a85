import BetterSqlite3 from 'better-sqlite3'
import {
  type AnyTenantSender,
  type AnyWebhookSender,
  type Catalog,
  createWebhookSender,
  type EventInput,
  type SenderOptions,
  type SendIn,
  type TenantSender,
  type TxSendResult,
  type WebhookSender,
} from 'hookferry'
import { type MemoryStorage, memory } from 'hookferry/memory'
import {
  drizzleTx,
  kyselyTx,
  type PostgresStorage,
  type PostgresTransaction,
  postgres,
  postgresJsTx,
  prismaTx,
} from 'hookferry/postgres'
import { type SqliteStorage, sqlite } from 'hookferry/sqlite'
import type { InsertEventInInput, Storage, TransactionalStorage, TxInsertResult } from 'hookferry/storage'
import { createTestSender } from 'hookferry/testing'
import type { Client, Pool, PoolClient } from 'pg'
import { describe, expectTypeOf, it } from 'vitest'

/** What `sendIn` takes and answers on which storage. `npm run typecheck` is where this fails: nothing here is run. */

declare const db: BetterSqlite3.Database
declare const client: Client
declare const poolClient: PoolClient
declare const pool: Pool
declare const storage: Storage

const onSqlite = () => createWebhookSender({ storage: sqlite({ path: 'x.db' }) })
const onPostgres = () => createWebhookSender({ storage: postgres({ connectionString: 'postgres://x' }) })
const onMemory = () => createWebhookSender({ storage: memory() })
const event: EventInput = { type: 'a', data: 1 }

/** Never called: only its types count. */
const typed = (_check: (given: never) => unknown): void => {}

describe('on SQLite', () => {
  it('takes a handle of better-sqlite3, and answers at once', () => {
    typed(() => {
      expectTypeOf(onSqlite().sendIn(db, event)).toEqualTypeOf<{ id: string; duplicate: boolean }>()
      expectTypeOf(onSqlite().sendIn(new BetterSqlite3('x.db'), event)).toEqualTypeOf<TxSendResult>()
      const placed = db.transaction((data: string) => onSqlite().sendIn(db, { type: 'a', data }).id)
      expectTypeOf(placed.immediate('x')).toEqualTypeOf<string>()
    })
  })

  it('is that of a sender without a storage', () => {
    expectTypeOf<WebhookSender['sendIn']>().toEqualTypeOf<SendIn<Catalog, SqliteStorage>>()
    expectTypeOf<TenantSender['sendIn']>().toEqualTypeOf<SendIn<Catalog, SqliteStorage>>()
    typed(() => {
      expectTypeOf(createWebhookSender()).toEqualTypeOf<WebhookSender<Catalog, SqliteStorage>>()
      expectTypeOf(createWebhookSender({ pollMs: 50 })).toEqualTypeOf<WebhookSender<Catalog, SqliteStorage>>()
      expectTypeOf(createWebhookSender().sendIn(db, event)).toEqualTypeOf<TxSendResult>()
      expectTypeOf(createWebhookSender().forTenant('a').sendIn(db, event)).toEqualTypeOf<TxSendResult>()
    })
  })

  it('takes nothing else', () => {
    // @ts-expect-error: a client of pg
    typed(() => onSqlite().sendIn(client, event))
    // @ts-expect-error: no transaction
    typed(() => onSqlite().sendIn(null, event))
    // @ts-expect-error: an object
    typed(() => onSqlite().sendIn({}, event))
    // @ts-expect-error: no transaction
    typed(() => onSqlite().sendIn(event))
    // @ts-expect-error: no event
    typed(() => onSqlite().sendIn(db))
    // @ts-expect-error: no type
    typed(() => onSqlite().sendIn(db, { data: 1 }))
    // @ts-expect-error: the answer is no promise
    typed(() => onSqlite().sendIn(db, event).then)
    // @ts-expect-error: endpoints are found after the commit, so that nobody knows how many yet
    typed(() => onSqlite().sendIn(db, event).deliveries)
  })
})

describe('on Postgres', () => {
  it('takes clients of pg, what has query, and what is made of others; answers a promise', () => {
    typed(() => {
      expectTypeOf(onPostgres().sendIn(client, event)).toEqualTypeOf<Promise<TxSendResult>>()
      expectTypeOf(onPostgres().sendIn(poolClient, event)).resolves.toEqualTypeOf<{ id: string; duplicate: boolean }>()
      const query = async (_text: string, _values: unknown[]) => ({ rows: [] })
      expectTypeOf(onPostgres().sendIn({ query }, event)).toEqualTypeOf<Promise<TxSendResult>>()
      const own = { query: (text: string, values: unknown[]) => client.query(text, values) }
      expectTypeOf(onPostgres().sendIn(own, event)).toEqualTypeOf<Promise<TxSendResult>>()
    })
    expectTypeOf<Client>().toExtend<PostgresTransaction>()
    expectTypeOf<PoolClient>().toExtend<PostgresTransaction>()
    for (const made of [kyselyTx, drizzleTx, prismaTx, postgresJsTx]) {
      expectTypeOf(made).returns.toEqualTypeOf<PostgresTransaction>()
    }
  })

  it('takes nothing else', () => {
    // @ts-expect-error: a handle of better-sqlite3
    typed(() => onPostgres().sendIn(db, event))
    // @ts-expect-error: no transaction
    typed(() => onPostgres().sendIn(undefined, event))
    // @ts-expect-error: no query
    typed(() => onPostgres().sendIn({}, event))
    // @ts-expect-error: a query that answers nothing to wait for
    typed(() => onPostgres().sendIn({ query: () => ({ rows: [] }) }, event))
    // @ts-expect-error: the answer has to be awaited
    typed(() => onPostgres().sendIn(client, event).id)
    // @ts-expect-error: the answer has to be awaited
    typed((): TxSendResult => onPostgres().sendIn(client, event))
  })

  it('takes the pools and the bare handles of libraries no less than their types can tell', () => {
    // A pool has a query of the same type as a client: it is told apart when it is given.
    expectTypeOf<Pool>().toExtend<PostgresTransaction>()
    typed(() => onPostgres().sendIn(pool, event))
  })
})

describe('on a storage without transactions', () => {
  it('is never', () => {
    expectTypeOf<WebhookSender<Catalog, MemoryStorage>['sendIn']>().toBeNever()
    expectTypeOf<WebhookSender<Catalog, Storage>['sendIn']>().toBeNever()
    expectTypeOf<TenantSender<Catalog, Storage>['sendIn']>().toBeNever()
    typed(() => {
      expectTypeOf(onMemory().sendIn).toBeNever()
      expectTypeOf(onMemory().forTenant('a').sendIn).toBeNever()
      expectTypeOf(createWebhookSender({ storage }).sendIn).toBeNever()
    })
    // @ts-expect-error: nothing to call
    typed(() => onMemory().sendIn(db, event))
    // @ts-expect-error: nothing to call
    typed(() => createWebhookSender({ storage }).sendIn(client, event))
  })
})

describe('on a storage of one’s own', () => {
  interface OwnTx {
    own: true
  }

  it('is as the storage says', () => {
    type Sync = TransactionalStorage<OwnTx, 'sync'>
    type Async = TransactionalStorage<OwnTx, 'async'>
    expectTypeOf<SendIn<Catalog, Sync>>().toEqualTypeOf<(tx: OwnTx, event: EventInput) => TxSendResult>()
    expectTypeOf<SendIn<Catalog, Async>>().toEqualTypeOf<(tx: OwnTx, event: EventInput) => Promise<TxSendResult>>()
    expectTypeOf<Sync['insertEventIn']>().toEqualTypeOf<(tx: OwnTx, input: InsertEventInInput) => TxInsertResult>()
    expectTypeOf<Async['insertEventIn']>().returns.toEqualTypeOf<Promise<TxInsertResult>>()
    typed((own: Sync & { more: number }) => createWebhookSender({ storage: own }).sendIn({ own: true }, event).id)
    // @ts-expect-error: the handle of another storage
    typed((own: Async) => createWebhookSender({ storage: own }).sendIn(client, event))
  })
})

describe('the kind of storage', () => {
  it('is told by the options, whatever stands beside it', () => {
    expectTypeOf(onSqlite).returns.toEqualTypeOf<WebhookSender<Catalog, SqliteStorage>>()
    expectTypeOf(onPostgres).returns.toEqualTypeOf<WebhookSender<Catalog, PostgresStorage>>()
    expectTypeOf(onMemory).returns.toEqualTypeOf<WebhookSender<Catalog, MemoryStorage>>()
    const made = () => createWebhookSender({ pollMs: 50, storage: postgres({ pool }), retry: { jitter: 0 } })
    expectTypeOf(made).returns.toEqualTypeOf<WebhookSender<Catalog, PostgresStorage>>()
    const options = () => ({ storage: postgres({ pool }), pollMs: 50 }) satisfies SenderOptions
    typed(() => expectTypeOf(createWebhookSender(options())).toEqualTypeOf<WebhookSender<Catalog, PostgresStorage>>())
    typed((given: SenderOptions<Catalog, PostgresStorage>) =>
      expectTypeOf(createWebhookSender(given)).toEqualTypeOf<WebhookSender<Catalog, PostgresStorage>>(),
    )
    // What does not tell its storage has none with transactions.
    typed((given: SenderOptions) =>
      expectTypeOf(createWebhookSender(given)).toEqualTypeOf<WebhookSender<Catalog, Storage>>(),
    )
    // @ts-expect-error: the options of another storage
    typed((given: SenderOptions<Catalog, PostgresStorage>) => createWebhookSender<Catalog, SqliteStorage>(given))
  })

  it('is kept by forTenant', () => {
    typed(() => {
      expectTypeOf(onPostgres().forTenant('a')).toEqualTypeOf<TenantSender<Catalog, PostgresStorage>>()
      expectTypeOf(onSqlite().forTenant('a')).toEqualTypeOf<TenantSender<Catalog, SqliteStorage>>()
      expectTypeOf(onPostgres().forTenant('a').sendIn(client, event)).resolves.toEqualTypeOf<TxSendResult>()
    })
    // @ts-expect-error: the handle of another storage
    typed(() => onPostgres().forTenant('a').sendIn(db, event))
  })

  it('tells senders apart, which have in common all but sendIn', () => {
    expectTypeOf<WebhookSender<Catalog, PostgresStorage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<WebhookSender<Catalog, SqliteStorage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<WebhookSender<Catalog, MemoryStorage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<WebhookSender<Catalog, Storage>>().toExtend<AnyWebhookSender>()
    expectTypeOf<TenantSender<Catalog, PostgresStorage>>().toExtend<AnyTenantSender>()
    expectTypeOf<TenantSender<Catalog, MemoryStorage>>().toExtend<AnyTenantSender>()
    expectTypeOf<WebhookSender<Catalog, PostgresStorage>>().not.toExtend<WebhookSender>()
    expectTypeOf<WebhookSender>().not.toExtend<WebhookSender<Catalog, PostgresStorage>>()
    expectTypeOf<keyof AnyWebhookSender>().extract<'sendIn'>().toBeNever()
    const injected = (sender: AnyWebhookSender) => sender.send(event)
    typed(() => [injected(onPostgres()), injected(onMemory()), injected(createTestSender().sender)])
  })
})
