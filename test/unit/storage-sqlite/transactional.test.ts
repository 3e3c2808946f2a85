/** Events written by the host's own handle, where SQLite has something of its own to say. */
import { linkSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { NewTxEvent } from '../../../src/ports/storage.ts'
import { type SqliteStorage, type SqliteTransaction, sqlite } from '../../../src/storage/sqlite/index.ts'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

const handles: Database.Database[] = []

afterEach(() => {
  for (const handle of handles.splice(0)) handle.close()
})

function openHost(path: string, options: Database.Options = {}): Database.Database {
  const host = new Database(path, { timeout: 5, ...options })
  handles.push(host)
  return host
}

interface Over {
  idGiven?: boolean
  hash?: string
  tenant?: string
  idempotencyKey?: string
  orderingKey?: string
  endpointIds?: string[]
}

function txEvent(id: string, over: Over = {}): NewTxEvent {
  const { tenant = 'acme', idempotencyKey = null, orderingKey = null } = over
  const { event } = newEvent(id)
  return {
    event: { ...event, tenant, idempotencyKey, orderingKey },
    idGiven: over.idGiven ?? false,
    hash: over.hash ?? 'hash',
    idempotencyExpiresAt: idempotencyKey === null ? null : NOW + 1_000,
    endpointIds: over.endpointIds ?? null,
  }
}

const insert = (storage: SqliteStorage, host: SqliteTransaction, id: string, over: Over = {}) =>
  storage.insertEventIn(host, { now: NOW, event: txEvent(id, over) })

/** A storage with an endpoint, and a host's handle on its file with a table of the host's. */
async function scene(): Promise<{ path: string; storage: SqliteStorage; host: Database.Database }> {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  const host = openHost(path)
  host.exec('CREATE TABLE orders (id TEXT)')
  return { path, storage, host }
}

const eventIds = async (storage: SqliteStorage) => {
  const query = { tenant: null, type: null, since: null, until: null, limit: 99, examine: 99, after: null }
  return (await storage.listEvents(query)).items.map(({ id }) => id).sort()
}

test('the commit accepts, for a fan-out by the endpoints of then; a rollback leaves no trace', async () => {
  const { storage, host } = await scene()
  const order = host.transaction((id: string, isBad: boolean) => {
    host.prepare('INSERT INTO orders VALUES (?)').run(id)
    const result = insert(storage, host, `evt_${id}`, { tenant: `tenant_${id}`, idempotencyKey: id })
    if (isBad) throw new Error('no stock')
    return result
  })
  expect(() => order('bad', true)).toThrow('no stock')
  expect(await eventIds(storage)).toEqual([])
  for (const table of ["tenant WHERE name <> 'acme'", 'idempotency', 'event']) {
    expect(host.prepare(`SELECT count(*) AS count FROM hookferry_${table}`).get(), table).toEqual({ count: 0 })
  }
  expect(order('good', false)).toEqual({ status: 'inserted' })
  const insertAcme = host.transaction(() => insert(storage, host, 'evt_acme', { endpointIds: ['ep_1'] }))
  expect(insertAcme()).toEqual({ status: 'inserted' })
  expect(await storage.pendingFanOuts({ limit: 9 })).toEqual([
    {
      event: { id: 'evt_good', tenant: 'tenant_good', type: 'invoice.paid', deliverAt: NOW },
      endpointsVersion: 0,
      endpointIds: null,
      cursor: '',
    },
    {
      event: { id: 'evt_acme', tenant: 'acme', type: 'invoice.paid', deliverAt: NOW },
      endpointsVersion: 1,
      endpointIds: ['ep_1'],
      cursor: '',
    },
  ])
})

test('a nested transaction that is rolled back takes its event with it, and nothing else', async () => {
  const { storage, host } = await scene()
  const inner = host.transaction(() => {
    insert(storage, host, 'evt_inner')
    throw new Error('inner')
  })
  const outer = host.transaction(() => {
    insert(storage, host, 'evt_before')
    expect(inner).toThrow('inner')
    insert(storage, host, 'evt_after')
  })
  outer.immediate()
  expect(await eventIds(storage)).toEqual(['evt_after', 'evt_before'])
})

test('duplicates and conflicts are told, and the transaction goes on', async () => {
  const { storage, host } = await scene()
  const key = { idempotencyKey: 'key_1' }
  host.transaction(() => {
    expect(insert(storage, host, 'evt_1', key)).toEqual({ status: 'inserted' })
    expect(insert(storage, host, 'evt_2', key)).toEqual({ status: 'duplicate', eventId: 'evt_1' })
    expect(insert(storage, host, 'evt_3', { ...key, hash: 'b' })).toEqual({ status: 'conflict', eventId: 'evt_1' })
    const given = { idGiven: true }
    expect(insert(storage, host, 'evt_own', given)).toEqual({ status: 'inserted' })
    expect(insert(storage, host, 'evt_own', given)).toEqual({ status: 'duplicate', eventId: 'evt_own' })
    expect(insert(storage, host, 'evt_own', { ...given, hash: 'b' })).toMatchObject({ status: 'conflict' })
    // The host ran its transaction again, with the id that was generated before.
    expect(insert(storage, host, 'evt_1', key)).toEqual({ status: 'duplicate', eventId: 'evt_1' })
    expect(insert(storage, host, 'evt_4')).toEqual({ status: 'inserted' })
    expect(insert(storage, host, 'evt_4')).toEqual({ status: 'duplicate', eventId: 'evt_4' })
  })()
  expect(await eventIds(storage)).toEqual(['evt_1', 'evt_4', 'evt_own'])
})

test('of one ordering key the fan-outs take turns, and an inline one waits for them', async () => {
  const { storage, host } = await scene()
  const ordering = { orderingKey: 'order_1' }
  host.transaction(() => {
    for (const id of ['evt_1', 'evt_2']) insert(storage, host, id, ordering)
  })()
  expect(await storage.pendingFanOuts({ limit: 9 })).toMatchObject([{ event: { id: 'evt_1' } }])
  const made = newEvent('evt_3', pendingFor('ep_1'))
  const inline = { ...made, event: { ...made.event, ...ordering } }
  expect(await storage.insertEvents({ now: NOW, worker: WORKER, events: [inline] })).toEqual([
    { status: 'fan_out_waits' },
  ])
})

test('an insert that fails half-way leaves nothing, and the transaction open', async () => {
  const { storage, host } = await scene()
  host.exec(`CREATE TRIGGER refuse BEFORE INSERT ON hookferry_idempotency BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  host.transaction(() => {
    host.prepare('INSERT INTO orders VALUES (?)').run('kept')
    expect(() => insert(storage, host, 'evt_1', { idempotencyKey: 'key', tenant: 'new' })).toThrow('refused')
    expect(host.inTransaction).toBe(true)
  })()
  expect(await eventIds(storage)).toEqual([])
  expect(host.prepare('SELECT id FROM orders').all()).toEqual([{ id: 'kept' }])
  expect(host.prepare('SELECT name FROM hookferry_tenant').all()).toEqual([{ name: 'acme' }])
})

test('a handle that reads integers as BigInt', async () => {
  const { storage, host } = await scene()
  host.defaultSafeIntegers(true)
  const key = { idempotencyKey: 'key_1' }
  host.transaction(() => {
    expect(insert(storage, host, 'evt_1', key)).toEqual({ status: 'inserted' })
    expect(insert(storage, host, 'evt_2', key)).toEqual({ status: 'duplicate', eventId: 'evt_1' })
  })()
  expect(host.prepare('SELECT 1 AS one').get()).toEqual({ one: 1n })
  expect(await storage.pendingFanOuts({ limit: 9 })).toMatchObject([{ event: { id: 'evt_1' }, endpointsVersion: 1 }])
})

test('a storage of this process that is not open, or closed', async () => {
  const { path, storage, host } = await scene()
  const never = sqlite({ path })
  host.transaction(() => insert(never, host, 'evt_1'))()
  await storage.close()
  host.transaction(() => insert(storage, host, 'evt_2'))()
  expect(await eventIds(await openStorage(path))).toEqual(['evt_1', 'evt_2'])
})

describe('the same file by another name', () => {
  test('a link, a linked folder, a relative path', async () => {
    const { path, storage } = await scene()
    const folder = dirname(path)
    symlinkSync(path, join(folder, 'link.db'))
    mkdirSync(join(folder, 'elsewhere'))
    symlinkSync(folder, join(folder, 'elsewhere', 'linked'))
    const names = [join(folder, 'link.db'), join(folder, 'elsewhere', 'linked', 'webhooks.db')]
    for (const [index, name] of [...names, relative(process.cwd(), path)].entries()) {
      const host = openHost(name)
      host.transaction(() => insert(storage, host, `evt_${index}`))()
    }
    expect(await eventIds(storage)).toEqual(['evt_0', 'evt_1', 'evt_2'])
    // And the storage may be the one behind the link.
    const linked = sqlite({ path: join(folder, 'link.db') })
    const host = openHost(path)
    host.transaction(() => insert(linked, host, 'evt_3'))()
    expect(await eventIds(storage)).toContain('evt_3')
  })

  test('a hard link is refused: its write-ahead log would be another', async () => {
    const { path, storage } = await scene()
    linkSync(path, join(dirname(path), 'hard.db'))
    const host = openHost(join(dirname(path), 'hard.db'))
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining({ name: 'ArgumentError' }))
  })
})

describe('refused, with nothing written', () => {
  test.each([
    ['nothing', undefined, 'argument_type'],
    ['null', null, 'argument_invalid'],
    ['a path', 'webhooks.db', 'argument_type'],
    ['a client of another database', { query: () => {} }, 'argument_invalid'],
    ['a handle of another driver', { prepare: () => {}, exec: () => {}, isTransaction: true }, 'argument_invalid'],
  ])('%s', async (_, tx, code) => {
    const storage = sqlite({ path: freshPath() })
    const call = () => insert(storage, tx as unknown as SqliteTransaction, 'evt_1')
    const message = expect.stringContaining('give the better-sqlite3 handle')
    expect(call).toThrow(expect.objectContaining({ name: 'ArgumentError', path: 'sendIn.tx', code, message }))
  })

  test('a closed handle', async () => {
    const { path, storage } = await scene()
    const host = openHost(path)
    host.close()
    expect(() => insert(storage, host, 'evt_1')).toThrow(
      expect.objectContaining({ path: 'sendIn.tx', message: expect.stringContaining('closed') }),
    )
  })

  test('no transaction', async () => {
    const { storage, host } = await scene()
    const refusal = { code: 'not_in_transaction', message: expect.stringContaining('db.transaction') }
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining(refusal))
    host.transaction(() => insert(storage, host, 'evt_2'))()
    // Not by the first look alone.
    expect(() => insert(storage, host, 'evt_3')).toThrow(expect.objectContaining(refusal))
    expect(await eventIds(storage)).toEqual(['evt_2'])
  })

  test.each([
    ['another file', (path: string) => `${path}.other`],
    ['memory', () => ':memory:'],
    ['a temporary file', () => ''],
  ])('%s', async (_, nameOf) => {
    const { path, storage } = await scene()
    const host = openHost(nameOf(path))
    host.exec('BEGIN IMMEDIATE')
    const refusal = { name: 'ArgumentError', path: 'sendIn.tx', message: expect.stringContaining('the storage is on') }
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining(refusal))
    expect(host.inTransaction).toBe(true)
  })

  test('a file that is not there', () => {
    const path = freshPath()
    const host = openHost(`${path}.other`)
    host.exec('BEGIN IMMEDIATE')
    expect(() => insert(sqlite({ path }), host, 'evt_1')).toThrow(expect.objectContaining({ path: 'sendIn.tx' }))
  })

  test('our file attached to the main file of the host', async () => {
    const { path, storage } = await scene()
    const host = openHost(`${path}.other`)
    host.exec(`ATTACH '${path}' AS webhooks; BEGIN IMMEDIATE`)
    expect(() => insert(storage, host, 'evt_1')).toThrow(
      expect.objectContaining({
        path: 'sendIn.tx',
        message: expect.stringContaining('attached to this handle, as webhooks'),
      }),
    )
    expect(await eventIds(storage)).toEqual([])
  })

  test('a handle that may only read', async () => {
    const { path, storage } = await scene()
    const host = openHost(path, { readonly: true })
    host.exec('BEGIN')
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining({ code: 'storage_read_only' }))
  })

  test('a storage in memory', () => {
    const storage = sqlite({ path: ':memory:' })
    const host = openHost(':memory:')
    host.exec('BEGIN')
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining({ code: 'transactions_unsupported' }))
  })

  test('a file that no sender has opened yet, though one with our tables is attached', async () => {
    const { path } = await scene()
    const host = openHost(`${path}.fresh`)
    host.exec(`ATTACH '${path}' AS other; CREATE TABLE orders (id TEXT); BEGIN IMMEDIATE`)
    expect(() => insert(sqlite({ path: `${path}.fresh` }), host, 'evt_1')).toThrow(
      expect.objectContaining({ code: 'storage_unavailable', message: expect.stringContaining('sender.health()') }),
    )
  })

  test('tables of another prefix', async () => {
    const { path, host } = await scene()
    host.exec('BEGIN IMMEDIATE')
    const storage = sqlite({ path, tablePrefix: 'other_' })
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining({ code: 'storage_unavailable' }))
  })

  test.each([
    [99, 'Upgrade hookferry'],
    [-1, 'sender.health()'],
  ])('a schema of version %i', async (version, advice) => {
    const { path, storage, host } = await scene()
    openRaw(path).run(`UPDATE {meta} SET value = ? WHERE name = 'version'`, version)
    host.exec('BEGIN IMMEDIATE')
    for (const id of ['evt_1', 'evt_2']) {
      expect(() => insert(storage, host, id)).toThrow(
        expect.objectContaining({ code: 'storage_version', message: expect.stringContaining(advice) }),
      )
    }
    host.exec('COMMIT')
    expect(await eventIds(storage)).toEqual([])
  })

  test('while rows are read from the same handle one by one', async () => {
    const { storage, host } = await scene()
    host.prepare('INSERT INTO orders VALUES (1)').run()
    host.transaction(() => {
      for (const _ of host.prepare('SELECT * FROM orders').iterate()) {
        expect(() => insert(storage, host, 'evt_1')).toThrow(
          expect.objectContaining({ path: 'sendIn.tx', message: expect.stringContaining('all()') }),
        )
      }
      insert(storage, host, 'evt_2')
    })()
    expect(await eventIds(storage)).toEqual(['evt_2'])
  })
})

test('a handle in use goes on when a later version migrates the file', async () => {
  const { path, storage, host } = await scene()
  host.transaction(() => insert(storage, host, 'evt_1'))()
  openRaw(path).run(`UPDATE {meta} SET value = 99 WHERE name = 'version'`)
  host.transaction(() => insert(storage, host, 'evt_2'))()
  expect(await eventIds(storage)).toEqual(['evt_1', 'evt_2'])
})

describe('another writer', () => {
  const refusal = { code: 'storage_busy', retryable: true, message: expect.stringContaining('BEGIN IMMEDIATE') }

  test('holds the lock: the event is refused, retryable, and the transaction is still there', async () => {
    const { path, storage, host } = await scene()
    const other = openRaw(path)
    other.run('BEGIN IMMEDIATE')
    host.exec('BEGIN')
    expect(() => insert(storage, host, 'evt_1')).toThrow(expect.objectContaining(refusal))
    expect(host.inTransaction).toBe(true)
    other.run('ROLLBACK')
    expect(insert(storage, host, 'evt_1')).toEqual({ status: 'inserted' })
    host.exec('COMMIT')
    expect(await eventIds(storage)).toEqual(['evt_1'])
  })

  test('has committed since the transaction began to read: it has to be begun again', async () => {
    const { path, storage, host } = await scene()
    const change = host.transaction(() => {
      host.prepare('SELECT * FROM orders').all()
      openRaw(path).run(`INSERT INTO orders VALUES ('x')`)
      insert(storage, host, 'evt_1')
    })
    expect(change).toThrow(expect.objectContaining(refusal))
    expect(host.inTransaction).toBe(false)
    expect(await eventIds(storage)).toEqual([])
  })
})

describe('a handle below synchronous=FULL', () => {
  async function warned(set: (host: Database.Database) => void): Promise<string[]> {
    const path = freshPath()
    const warnings: string[] = []
    const storage = sqlite({ path })
    await (await openStorage(path)).close()
    const host = openHost(path)
    set(host)
    // Nobody hears it yet.
    host.transaction(() => insert(storage, host, 'evt_0'))()
    await storage.open({ now: NOW, warn: (warning) => warnings.push(warning) })
    for (const id of ['evt_1', 'evt_2']) host.transaction(() => insert(storage, host, id))()
    await storage.close()
    return warnings
  }

  test('is told once', async () => {
    // better-sqlite3 leaves it at NORMAL.
    expect(await warned(() => {})).toEqual([expect.stringContaining(`db.pragma('synchronous = FULL')`)])
  })

  test('is fine once it is set', async () => {
    expect(await warned((host) => host.pragma('synchronous = FULL'))).toEqual([])
  })
})
