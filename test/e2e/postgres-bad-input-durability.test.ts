/** A server that may lose what was acknowledged is opened, and whoever asked to be warned is told in plain words. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../src/storage/postgres/index.ts'
import { type Durability, warningsOf } from '../../src/storage/postgres/replication.ts'
import { NOW } from '../../src/testing/storage-suite/fixtures.ts'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

const SAFE: Durability = {
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  synchronousStandbys: '',
  standbys: 0,
}

describe('what is told', () => {
  it.each<[string, Partial<Durability>, RegExp[]]>([
    ['a server on its own', {}, []],
    ['a standby that is waited for', { standbys: 1, synchronousStandbys: 'one' }, []],
    ['the application of a standby that is waited for', { synchronousCommit: 'remote_apply' }, []],
    ['a standby that nobody waits for', { standbys: 2 }, [/a failover may lose.*synchronous_standby_names/]],
    ['spaces for names', { standbys: 1, synchronousStandbys: ' ' }, [/a failover may lose/]],
    ['no fsync', { fsync: 'off' }, [/power cut may lose.*Set fsync = on/]],
    ['torn pages', { fullPageWrites: 'off' }, [/full_page_writes = off.*Set it to on/]],
    [
      'transactions that are not waited for',
      { synchronousCommit: 'local' },
      [/sendIn.*synchronous_commit|synchronous_commit = local.*sendIn/],
    ],
    ['all at once', { fsync: 'off', fullPageWrites: 'off', standbys: 1 }, [/fsync/, /full_page_writes/, /failover/]],
  ])('of %s', (_, over, expected) => {
    expect(warningsOf({ ...SAFE, ...over })).toEqual(expected.map((text) => expect.stringMatching(text)))
  })
})

describe('on a real server', () => {
  let server: OwnServer

  beforeAll(async () => {
    server = await startOwnServer()
  }, 60_000)

  afterAll(() => server?.stop())

  async function warnings(connectionString = server.url): Promise<string[]> {
    const told: string[] = []
    const storage = postgres({ connectionString })
    await storage.open({ now: NOW, warn: (warning) => told.push(warning) })
    await storage.close()
    return told
  }

  /** As a standby does: by the protocol of replication. */
  async function startStandby(): Promise<Client> {
    const config = { connectionString: server.url, application_name: 'standby', replication: 'true' }
    const standby = new Client(config as never)
    standby.on('error', () => {})
    await standby.connect()
    const { rows } = await standby.query('IDENTIFY_SYSTEM')
    standby.query(`START_REPLICATION PHYSICAL ${rows[0].xlogpos}`).catch(() => {})
    const streams = () => server.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'")
    await expect.poll(async () => (await streams()).length, { timeout: 5_000 }).toBe(1)
    return standby
  }

  it('that keeps its word nothing is told', async () => {
    expect(await warnings()).toEqual([])
  })

  it('a standby that nobody waits for is seen, also by who may not see its state', async () => {
    const standby = await startStandby()
    const failover = expect.stringContaining('a failover may lose events that were acknowledged')
    try {
      expect(await warnings()).toEqual([failover])
      await server.query(`CREATE ROLE plain LOGIN PASSWORD 'plain';
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain`)
      const url = new URL(server.url)
      url.username = url.password = 'plain'
      expect(await warnings(url.href)).toEqual([failover])
    } finally {
      await standby.end()
    }
    await expect.poll(() => server.query('SELECT FROM pg_stat_replication')).toEqual([])
    expect(await warnings()).toEqual([])
  })

  it('settings that lose are told, each with its remedy', async () => {
    await server.query('ALTER SYSTEM SET fsync = off')
    await server.query('ALTER SYSTEM SET full_page_writes = off')
    await server.query('ALTER SYSTEM SET synchronous_commit = off')
    await server.query('SELECT pg_reload_conf()')
    await expect.poll(() => server.query('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'off' }])
    expect(await warnings()).toEqual([
      expect.stringMatching(/^Postgres \(tables public.hookferry_\*\): .*fsync = off/),
      expect.stringContaining('full_page_writes = off'),
      expect.stringContaining('synchronous_commit = off'),
    ])
  })

  it('what may not be seen at all fails nothing', async () => {
    await server.query('REVOKE SELECT ON pg_stat_replication FROM PUBLIC')
    await server.query(`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plain') THEN
      CREATE ROLE plain LOGIN PASSWORD 'plain'; END IF; END $$;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain`)
    const url = new URL(server.url)
    url.username = url.password = 'plain'
    expect(await warnings(url.href)).toEqual([])
  })
})
