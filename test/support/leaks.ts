/**
 * A setup file of every test file: fails the file that leaves a timer, socket, child process or file open behind.
 * It looks twice: at what keeps the event loop alive, and at timers and files that do not.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'

/** How long closing sockets and files may take. */
const GRACE_MS = 2_000

const timers = trackTimers()
const before = openThings()

// Hooks of setup files run last: by now the file's own clean-up is done.
afterAll(async () => {
  const deadline = Date.now() + GRACE_MS
  let left = leftOpen()
  while (left.length > 0 && Date.now() < deadline) {
    await sleep(20)
    left = leftOpen()
  }
  if (left.length > 0) throw new Error(`This file left open: ${left.join(', ')}`)
})

function leftOpen(): string[] {
  const rest = [...before]
  return openThings().filter((thing) => {
    const index = rest.indexOf(thing)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
}

function openThings(): string[] {
  return [...process.getActiveResourcesInfo(), ...openFiles(), ...timers()].filter((name) => name !== 'Immediate')
}

/** Files and sockets that this process has open, where the system lists them. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const target = linkOf(`/proc/self/fd/${fd}`) ?? ''
    return /^(\/(?!dev\/|proc\/)|socket:)/.test(target) ? [target] : []
  })
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor that listed the folder is closed by now.
    return undefined
  }
}

/** Counts the timers that code under test starts, also those that were unref'd. Vitest took the originals before. */
function trackTimers(): () => string[] {
  const live = new Set<NodeJS.Timeout>()
  const isLive = (timer: NodeJS.Timeout) => !(timer as NodeJS.Timeout & { _destroyed: boolean })._destroyed
  const prune = () => {
    for (const timer of live) if (!isLive(timer)) live.delete(timer)
  }
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const original = globalThis[name]
    const tracked = (...args: Parameters<typeof setTimeout>) => {
      const timer = original(...args)
      live.add(timer)
      if (live.size % 1_000 === 0) prune()
      return timer
    }
    // Keeps util.promisify(setTimeout) working.
    globalThis[name] = Object.assign(tracked, original) as typeof setTimeout
  }
  return () => {
    prune()
    return [...live].map(() => 'timer')
  }
}
