import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program of an example in a process of its own, as a supervisor would run it. */
export interface Service {
  /** The line that it wrote once it was ready. */
  ready: string
  /** Asks it to end, and expects that it does so in order. */
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}

/** Runs `file` and waits for its first line of output. */
export async function startService(file: URL, env: Record<string, string>, withinMs = 15_000): Promise<Service> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(file)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // A check that fails leaves no process behind.
  process.once('exit', () => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  const signal = AbortSignal.timeout(withinMs)
  const failed = ended.then(([code]) => Promise.reject(new Error(`${file.pathname} ended early, with ${code}`)))
  try {
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line', { signal }), failed])
    failed.catch(() => {})
    return { ready: String(line), stop: () => end(child, ended, 'SIGTERM'), kill: () => end(child, ended, 'SIGKILL') }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

async function end(child: ChildProcess, ended: Promise<unknown[]>, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
  const [code] = await ended.finally(() => clearTimeout(late))
  if (signal === 'SIGTERM' && code !== 0) throw new Error(`it did not end in order: ${code ?? child.signalCode}`)
}
