import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Report } from './messages.ts'

type Of<Is extends Report['is']> = Extract<Report, { is: Is }>

interface Waiter {
  fits: (line: Report) => boolean
  resolve: (line: Report) => void
  reject: (error: Error) => void
}

const OUTPUT_KEPT = 4_000

/** A program of `programs/` in a process of its own. */
export class Program {
  /** Everything it has reported. */
  readonly lines: Report[] = []
  /** Resolves when it is gone and the last it said has been read. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly #child: ChildProcess
  /** A group of its own, since the command and the program are two processes. */
  readonly #leads: boolean
  readonly #waiters = new Set<Waiter>()
  #errors = ''

  /** `cwd`: where a crash may leave what it leaves. `within`: a command that runs the program, such as `unshare`. */
  constructor(file: string, config: unknown, { cwd, within = [] }: { cwd: string; within?: readonly string[] }) {
    this.#leads = within.length > 0
    const [command = '', ...args] = [...within, process.execPath, file, JSON.stringify(config)]
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: this.#leads, cwd })
    // A command that comes as the program dies is lost with it.
    this.#child.on('error', () => {})
    const { stdout, stderr } = this.#child
    if (stdout === null || stderr === null) throw new Error('the program has no pipes')
    stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-OUTPUT_KEPT)
    })
    const reader = createInterface({ input: stdout })
    reader.on('line', (line) => this.#said(JSON.parse(line) as Report))
    const read = new Promise((resolve) => reader.once('close', resolve))
    this.ended = new Promise((resolve) => {
      this.#child.once('close', async (code, signal) => {
        await read
        for (const { reject } of this.#waiters)
          reject(new Error(`the program ended (${signal ?? code})${this.#story()}`))
        this.#waiters.clear()
        resolve({ code, signal })
      })
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the program did not start')
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  all<Is extends Report['is']>(is: Is): Of<Is>[] {
    return this.lines.filter((line): line is Of<Is> => line.is === is)
  }

  tell(command: unknown): void {
    if (this.#child.connected) this.#child.send(command as object, () => {})
  }

  /** The first line of a kind that fits, among those after `from`; waits for it if it has not been said yet. */
  async line<Is extends Report['is']>(
    is: Is,
    {
      fits = () => true,
      from = 0,
      withinMs = 60_000,
    }: { fits?: (line: Of<Is>) => boolean; from?: number; withinMs?: number } = {},
  ): Promise<Of<Is>> {
    const wanted = (line: Report) => line.is === is && fits(line as Of<Is>)
    const said = this.lines.slice(from).find(wanted)
    if (said !== undefined) return said as Of<Is>
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        fits: wanted,
        resolve: (line) => {
          clearTimeout(timer)
          resolve(line as Of<Is>)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`no '${is}' within ${withinMs} ms${this.#story()}`))
      }, withinMs)
      this.#waiters.add(waiter)
    })
  }

  /** Commands, and the first line of a kind that is said from then on. */
  ask<Is extends Report['is']>(command: unknown, is: Is, withinMs?: number): Promise<Of<Is>> {
    const answer = this.line(is, { from: this.lines.length, ...(withinMs === undefined ? {} : { withinMs }) })
    this.tell(command)
    return answer
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.#leads ? -this.pid : this.pid, signal)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }

  #said(line: Report): void {
    this.lines.push(line)
    for (const waiter of this.#waiters) {
      if (!waiter.fits(line)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(line)
    }
  }

  #story(): string {
    const last = this.lines.slice(-5).map((line) => JSON.stringify(line).slice(0, 300))
    return `; it said last:\n${last.join('\n')}\n${this.#errors}`
  }
}
