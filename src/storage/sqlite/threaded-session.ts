import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WebhookError } from '../../errors.ts'
import { requireFromHere } from './driver.ts'
import type { Settings } from './options.ts'
import { notOpen, type Session } from './session.ts'
import { WorkerLink } from './worker-link.ts'

/** In a thread of its own, so that neither a commit nor a long read holds up the host's event loop. Calls run in their order. */
export function createThreadedSession(settings: Settings): Session {
  /** Null before `open` has succeeded, and after `close`. */
  let version: unknown = null
  let link: WorkerLink | null = null
  let connecting: Promise<WorkerLink> | null = null
  const listeners = new Set<() => void>()

  async function connect(): Promise<WorkerLink> {
    const next = new WorkerLink(workerFile(), settings, {
      work: () => {
        for (const listener of listeners) listener()
      },
      ended: () => {
        if (link === next) link = null
      },
    })
    try {
      version = await next.ask('open')
      if (listeners.size > 0) await next.ask('watch')
    } catch (error) {
      // Nothing is kept of a failed attempt, so that it can be repeated: by `open`, or by the next call of a storage that was open.
      await next.close().catch(() => {})
      throw error
    }
    link = next
    return next
  }

  /** The thread that is there; another one where it has died, as with a lost connection. */
  function connected(): Promise<WorkerLink> {
    connecting ??= connect().finally(() => {
      connecting = null
    })
    return connecting
  }

  return {
    async open() {
      if (link === null) await connected()
      return version as { version: number }
    },
    async close() {
      const last = link ?? (await connecting?.catch(() => null))
      version = null
      link = null
      listeners.clear()
      await last?.close()
    },
    async call(name, input) {
      if (version === null) throw notOpen(settings)
      const to = link ?? (await connected())
      return to.ask(name, input)
    },
    onWork(listener) {
      // Without a thread just now, the next one is told when it is opened. What it cannot tell, the engine's own looks find.
      if (listeners.size === 0) link?.ask('watch').catch(() => {})
      listeners.add(listener)
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) link?.ask('unwatch').catch(() => {})
      }
    },
  }
}

/** In the package as installed, whoever imports it: a bundle holds this code, but not that file. */
function workerFile(): string {
  const file = fileInPackage()
  if (file !== null && existsSync(file)) return file
  throw new WebhookError(
    'storage_unavailable',
    'The thread of the sqlite storage needs dist/sqlite-worker.cjs of the package hookferry, which is not found from here: leave hookferry out of your bundle (external), or give sqlite({ thread: false }).',
  )
}

function fileInPackage(): string | null {
  try {
    return join(dirname(requireFromHere().resolve('hookferry/package.json')), 'dist', 'sqlite-worker.cjs')
  } catch {
    return null
  }
}
