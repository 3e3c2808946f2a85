import { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { loadDriver } from '../../../src/storage/postgres/driver.ts'
import { failureOf } from '../../../src/storage/postgres/failures.ts'
import { type PostgresOptions, postgres } from '../../../src/storage/postgres/index.ts'

const connectionString = 'postgres://localhost/app'

describe('options of postgres', () => {
  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'argument_type', 'postgres'],
    ['neither pool nor string', {}, 'argument_missing', 'postgres.connectionString'],
    ['a string that is not set', { connectionString: undefined }, 'argument_missing', 'postgres.connectionString'],
    ['both', { pool: { connect() {} }, connectionString }, 'argument_invalid', 'postgres.pool'],
    ['a pool that is none', { pool: {} }, 'argument_type', 'postgres.pool'],
    ['no pool', { pool: null }, 'argument_type', 'postgres.pool'],
    ['another database', { connectionString: 'mysql://localhost' }, 'argument_invalid', 'postgres.connectionString'],
    ['no text', { connectionString: 5 }, 'argument_invalid', 'postgres.connectionString'],
    ['a quote', { connectionString, schema: 'a"b' }, 'argument_invalid', 'postgres.schema'],
    ['an upper-case schema', { connectionString, schema: 'App' }, 'argument_invalid', 'postgres.schema'],
    ['a schema of the system', { connectionString, schema: 'pg_catalog' }, 'argument_invalid', 'postgres.schema'],
    ['an empty prefix', { connectionString, tablePrefix: '' }, 'argument_invalid', 'postgres.tablePrefix'],
    ['a long prefix', { connectionString, tablePrefix: 'a'.repeat(33) }, 'argument_invalid', 'postgres.tablePrefix'],
    ['an unknown one', { connectionString, ssl: true }, 'argument_unknown', 'postgres.ssl'],
  ])('refuses %s', (_, options, code, path) => {
    expect(() => postgres(options as PostgresOptions)).toThrow(expect.objectContaining({ code, path }))
  })

  it("takes a host's own pool", async () => {
    const pool = new Pool({ connectionString })
    expect(postgres({ pool, schema: 'webhooks', tablePrefix: 'app_' }).name).toBe('postgres')
    await pool.end()
  })

  it('tells before open that it is not open', async () => {
    const call = postgres({ connectionString }).nextDueAt()
    await expect(call).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
  })
})

describe('the driver of postgres', () => {
  it('is told to be missing, or broken, with what to do', () => {
    const missing = () => {
      throw Object.assign(new Error('none'), { code: 'MODULE_NOT_FOUND' })
    }
    const broken = () => {
      throw new Error('broken')
    }
    expect(() => loadDriver(missing)).toThrow(expect.objectContaining({ code: 'driver_missing' }))
    expect(() => loadDriver(missing)).toThrow('npm install pg@8')
    expect(() => loadDriver(broken)).toThrow(expect.objectContaining({ code: 'driver_unsupported' }))
  })
})

describe('failures of postgres', () => {
  it.each([
    ['40001', 'storage_busy', true],
    ['40P01', 'storage_busy', true],
    ['40003', 'storage_unavailable', true],
    ['55P03', 'storage_busy', true],
    ['57014', 'storage_busy', true],
    ['25P03', 'storage_busy', true],
    ['57P01', 'storage_unavailable', true],
    ['53300', 'storage_busy', true],
    ['53100', 'storage_full', true],
    ['28P01', 'storage_unavailable', false],
    ['3D000', 'storage_unavailable', false],
    ['42501', 'storage_read_only', false],
    ['XX001', 'storage_corrupt', false],
    ['ECONNREFUSED', 'storage_unavailable', true],
    [undefined, 'storage_unavailable', true],
  ])('makes of %s %s', (code, expected, retryable) => {
    const error = failureOf(Object.assign(new Error('as told'), { code }), 'Postgres')
    expect(error).toMatchObject({ code: expected, retryable })
  })

  it('leaves a mistake of ours what it is', () => {
    const mistake = Object.assign(new Error('syntax'), { code: '42601' })
    expect(failureOf(mistake, 'Postgres')).toBe(mistake)
  })
})
