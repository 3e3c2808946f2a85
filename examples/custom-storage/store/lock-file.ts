import { readFile, rm, writeFile } from 'node:fs/promises'
import { WebhookError } from 'hookferry/storage'

/**
 * A file that says which process has the journal. One left behind by a process that is no more is replaced; a second file,
 * beside it, sees to it that of several who find it so only one does that. Process ids mean nothing across machines and
 * containers, so that the journal must not be shared between those.
 */
export async function takeLock(path: string): Promise<{ release(): Promise<void> }> {
  const lock = { release: () => rm(path, { force: true }) }
  if (await create(path)) return lock
  if (!isAlive(await holder(path)) && (await create(`${path}.stale`))) {
    try {
      // Looked at again: whoever came first may have replaced it.
      if (!isAlive(await holder(path))) await rm(path, { force: true })
      if (await create(path)) return lock
    } finally {
      await rm(`${path}.stale`, { force: true })
    }
  }
  throw new WebhookError(
    'storage_busy',
    `Process ${await holder(path)} has this journal open. Close it there, or remove ${path} if there is no such process.`,
    // It may be about to stop, as in a deployment: whoever asks again may find it free.
    { retryable: true },
  )
}

/** False: it is there already. */
async function create(path: string): Promise<boolean> {
  return writeFile(path, `${process.pid}\n`, { flag: 'wx' }).then(
    () => true,
    (error) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

async function holder(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => ''))
}

/** What cannot be read counts as alive: its process may be about to write its number. */
function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
