import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TlsFiles } from './receiver.ts'
import type { Seen } from './tls-child.ts'

/** A friendly receiver over TLS in a process of its own: its answers come as quickly as those of another machine's may. */
export async function startTlsProcess(files: TlsFiles) {
  const path = fileURLToPath(new URL('./tls-child.ts', import.meta.url))
  const child = fork(path, { execArgv: ['--import', 'tsx'] })
  child.send(files)
  const [port] = (await once(child, 'message')) as [number]
  return {
    port,
    /** What it has seen since the last time that it was asked. */
    async seen(): Promise<Seen> {
      child.send('seen')
      const [seen] = (await once(child, 'message')) as [Seen]
      return seen
    },
    async close(): Promise<void> {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
