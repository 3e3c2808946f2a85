import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type SenderOptions, type WebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { vi } from 'vitest'
import type { Seen } from '../crash/messages.ts'
import { Program } from '../crash/program.ts'
import { secretOf } from '../crash/secrets.ts'
import { countOpen, readRows } from './ledger.ts'
import type { PostgresSenderConfig } from './messages.ts'
import { buildPostgresPrograms } from './programs.ts'
import { type OwnServer, startOwnServer } from './server.ts'

/** Requests go to this machine only. */
const LOOPBACK: Pick<SenderOptions, 'network'> = {
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
}

/** A Postgres of our own that keeps its word, a receiver in a process of its own, and the senders that a test starts. */
export interface PostgresScene {
  server: OwnServer
  sender(config: Omit<PostgresSenderConfig, 'url'>): Program
  /** A sender of this process; `options` may name another way to the server. */
  withSender<T>(work: (sender: WebhookSender) => Promise<T>, options?: Partial<SenderOptions>): Promise<T>
  endpoints(endpoints: readonly { path: string; eventTypes: string[] }[]): Promise<void>
  /** Waits for the senders that run until every delivery is at rest, and brings back those that were lost repeatedly. */
  settled(withinMs: number): Promise<{ lostRepeatedly: number }>
  /** What the receiver saw, by key. */
  seen(): Promise<Map<string, Seen>>
  close(): Promise<void>
}

export async function openPostgresScene(): Promise<PostgresScene> {
  const programs = buildPostgresPrograms()
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-crash-pg-'))
  const started: Program[] = []
  let server: OwnServer | null = null
  const start = (file: string, config: unknown) => {
    const program = new Program(file, config, { cwd: folder })
    started.push(program)
    return program
  }
  const close = async () => {
    await Promise.all(started.map((program) => program.kill()))
    await server?.stop()
    programs.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    server = await startOwnServer()
    const receiver = start(programs.file('receiver'), {})
    const { url: receiverUrl } = await receiver.line('listening')
    return {
      ...sceneOf(server, receiver, receiverUrl, (config) => start(programs.file('postgres-sender'), config)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function sceneOf(
  server: OwnServer,
  receiver: Program,
  receiverUrl: string,
  start: (config: PostgresSenderConfig) => Program,
): Omit<PostgresScene, 'close'> {
  const withSender: PostgresScene['withSender'] = async (work, options = {}) => {
    const sender = createWebhookSender({
      ...LOOPBACK,
      storage: postgres({ connectionString: server.url }),
      ...options,
    }) as WebhookSender
    try {
      return await work(sender)
    } finally {
      await sender.stop()
    }
  }
  const atRest = (withinMs: number) =>
    vi.waitUntil(async () => (await countOpen(server)) === 0, { timeout: withinMs, interval: 100 })
  return {
    server,
    withSender,
    sender: (config) => start({ url: server.url, ...config, options: { ...LOOPBACK, ...config.options } }),
    endpoints: (endpoints) =>
      withSender(async (sender) => {
        for (const { path, eventTypes } of endpoints)
          await sender.endpoints.create({ url: receiverUrl + path, secret: secretOf(path), eventTypes })
      }),
    async settled(withinMs) {
      await atRest(withinMs)
      // Three losses in a row are the end of a round, by design: visible, and brought back by a replay.
      const failed = (await readRows(server)).filter(({ state }) => state === 'failed')
      const others = failed.filter(({ outcomes }) => outcomes.slice(-3).join() !== 'lost,lost,lost')
      if (others.length > 0) throw new Error(`failed, though not lost three times: ${JSON.stringify(others)}`)
      if (failed.length > 0) {
        await withSender(async (sender) => {
          const run = await sender.replay({ tenant: 'default', state: 'failed' })
          await run.wait({ timeoutMs: withinMs })
        })
        await atRest(withinMs)
      }
      return { lostRepeatedly: failed.length }
    },
    async seen() {
      const { requests } = await receiver.ask({ do: 'tell' }, 'seen')
      return new Map(requests.map((record) => [record.key, record]))
    },
  }
}
