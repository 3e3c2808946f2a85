import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type SenderOptions, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { buildPrograms } from './build.ts'
import type { Seen, SenderConfig } from './messages.ts'
import { Program } from './program.ts'
import { secretOf } from './secrets.ts'

/** Requests go to this machine only. */
const LOOPBACK: Pick<SenderOptions, 'network'> = {
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
}

interface NewEndpoint {
  path: string
  tenant?: string
  eventTypes?: string[]
}

/** A database file in a folder of its own, a receiver in a process of its own, and the programs that a test starts. */
export interface Scene {
  folder: string
  path: string
  receiver: Program
  sender(config: Omit<SenderConfig, 'path'> & { path?: string }, within?: readonly string[]): Program
  lockHolder(holdMs: number): Program
  endpoints(endpoints: readonly NewEndpoint[]): Promise<Map<string, string>>
  /** A sender of this process on the same file, never started. */
  withSender<T>(work: (sender: WebhookSender) => Promise<T>): Promise<T>
  /** By key. */
  seen(): Promise<Map<string, Seen>>
  close(): Promise<void>
}

/** `home`: the folder in which that of the scene is made. */
export async function openScene(home: string = tmpdir()): Promise<Scene> {
  const programs = buildPrograms()
  const folder = mkdtempSync(join(home, 'hookferry-crash-'))
  const path = join(folder, 'webhooks.db')
  const started: Program[] = []
  const start = (file: string, config: unknown, within: readonly string[] = []) => {
    const program = new Program(file, config, { cwd: folder, within })
    started.push(program)
    return program
  }
  const receiver = start(programs.file('receiver'), {})
  const { url } = await receiver.line('listening')
  const withSender = async <T>(work: (sender: WebhookSender) => Promise<T>) => {
    const sender = createWebhookSender({ ...LOOPBACK, storage: sqlite({ path }) })
    try {
      return await work(sender)
    } finally {
      await sender.stop()
    }
  }
  return {
    folder,
    path,
    receiver,
    withSender,
    sender: (config, within) => {
      const options = { ...LOOPBACK, ...config.options }
      return start(programs.file('sender'), { path, ...config, options }, within)
    },
    lockHolder: (holdMs) => start(programs.file('lock-holder'), { path, holdMs }),
    endpoints: (endpoints) =>
      withSender(async (sender) => {
        const ids = new Map<string, string>()
        for (const { path: at, ...rest } of endpoints) {
          const { id } = await sender.endpoints.create({ url: url + at, secret: secretOf(at), ...rest })
          ids.set(at, id)
        }
        return ids
      }),
    seen: async () => {
      const { requests } = await receiver.ask({ do: 'tell' }, 'seen')
      return new Map(requests.map((record) => [record.key, record]))
    },
    close: async () => {
      await Promise.all(started.map((program) => program.kill()))
      programs.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
