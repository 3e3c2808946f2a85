import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type SenderOptions } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { vi } from 'vitest'
import { Program } from '../crash/program.ts'
import { countOpen } from './ledger.ts'
import type { Arrival, Listening, NodeConfig } from './node-messages.ts'
import { buildNodePrograms, type NodePrograms } from './node-programs.ts'
import { type OwnServer, startOwnServer } from './server.ts'

/** Requests go to this machine only. */
const LOOPBACK: Pick<SenderOptions, 'network'> = {
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
}

interface NewEndpoint {
  /** Its first segment tells what the customer does; that of `refuses` is at times not there. */
  path: string
  eventTypes: string[]
  retry?: SenderOptions['retry']
}

/** A Postgres of our own that keeps its word, customers in a process of their own, and the nodes that a test starts. */
export interface NodeScene {
  server: OwnServer
  node(config: Omit<NodeConfig, 'url'>): Program
  /** Of the next version of the library. */
  nextNode(config: Omit<NodeConfig, 'url'>): Program
  endpoints(endpoints: readonly NewEndpoint[]): Promise<void>
  /** Waits for the nodes that run until every delivery is at rest. */
  atRest(withinMs: number): Promise<void>
  /** All requests so far, in the order in which they came. */
  arrivals(): Promise<Arrival[]>
  close(): Promise<void>
}

export async function openNodeScene({ next = false } = {}): Promise<NodeScene> {
  const programs = buildNodePrograms({ next })
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-crash-pg-'))
  const started: Program[] = []
  let server: OwnServer | null = null
  const start = (name: Parameters<NodePrograms['file']>[0], config: unknown) => {
    const program = new Program(programs.file(name), config, { cwd: folder })
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
    const customers = start('postgres-customers', {})
    const listening = (await customers.line('listening')) as unknown as Listening
    return { ...sceneOf(server, customers, listening, start), close }
  } catch (error) {
    await close()
    throw error
  }
}

function sceneOf(
  server: OwnServer,
  customers: Program,
  { url, refusing }: Listening,
  start: (name: 'postgres-node' | 'next-node', config: NodeConfig) => Program,
): Omit<NodeScene, 'close'> {
  const whole = (config: Omit<NodeConfig, 'url'>) => ({
    ...config,
    url: server.url,
    options: { ...LOOPBACK, ...config.options },
  })
  return {
    server,
    node: (config) => start('postgres-node', whole(config)),
    nextNode: (config) => start('next-node', whole(config)),
    async endpoints(endpoints) {
      const sender = createWebhookSender({ ...LOOPBACK, storage: postgres({ connectionString: server.url }) })
      try {
        for (const { path, eventTypes, retry } of endpoints) {
          const base = path.startsWith('/refuses/') ? refusing : url
          await sender.endpoints.create({ url: base + path, eventTypes, ...(retry === undefined ? {} : { retry }) })
        }
      } finally {
        await sender.stop()
      }
    },
    async atRest(withinMs) {
      await vi.waitUntil(async () => (await countOpen(server)) === 0, { timeout: withinMs, interval: 100 })
    },
    async arrivals() {
      const seen = await customers.ask({ do: 'tell' }, 'seen')
      return (seen as unknown as { arrivals: Arrival[] }).arrivals
    },
  }
}
