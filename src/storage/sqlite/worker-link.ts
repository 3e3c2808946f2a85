import { Worker } from 'node:worker_threads'
import { WebhookError } from '../../errors.ts'
import type { Settings } from './options.ts'
import { type Answer, packed, type Request, thrownError, unpacked } from './thread-messages.ts'

interface Waiting {
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Listeners {
  /** Another connection has written. */
  work(): void
  /** The thread is no more, for whatever reason. */
  ended(): void
}

/** One thread, from its start to its end. It keeps the process alive only while something is asked of it. */
export class WorkerLink {
  readonly #worker: Worker
  readonly #path: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #exited: Promise<void>
  #asked = 0
  #cause: unknown = null
  #isEnded = false

  /** `file`: the worker's code. */
  constructor(file: string, settings: Settings, { work, ended }: Listeners) {
    this.#path = settings.path
    // What the host preloads into its own threads, such as telemetry, has no business in this one.
    this.#worker = new Worker(file, { workerData: settings, execArgv: [], name: 'hookferry sqlite' })
    this.#worker.unref()
    this.#worker.on('message', (bytes: Uint8Array) => {
      const answer = unpacked<Answer>(bytes)
      if (answer === 'work') work()
      else this.#settle(answer)
    })
    this.#worker.on('error', (error) => {
      this.#cause = error
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isEnded = true
        ended()
        for (const { reject } of this.#waiting.values()) reject(this.#lost())
        this.#waiting.clear()
        resolve()
      })
    })
  }

  /** One round trip. Rejects with what was thrown there; when the thread ends meanwhile, whether it was done is open. */
  ask(name: Request['name'], input?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isEnded) throw this.#lost()
      const id = ++this.#asked
      const bytes = packed({ id, name, input })
      this.#worker.postMessage(bytes, [bytes.buffer])
      if (this.#waiting.size === 0) this.#worker.ref()
      this.#waiting.set(id, { resolve, reject })
    })
  }

  /** After what is under way: closes the database, and resolves when the thread is gone. */
  async close(): Promise<void> {
    try {
      if (!this.#isEnded) await this.ask('close')
    } finally {
      this.#worker.ref()
      await this.#exited
    }
  }

  #settle(answer: Exclude<Answer, 'work'>): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if ('error' in answer) waiting?.reject(thrownError(answer.error))
    else waiting?.resolve(answer.value)
  }

  #lost(): WebhookError {
    const message = `SQLite file ${this.#path}: the thread that works on it has ended: call again, which starts another.`
    return new WebhookError('storage_unavailable', message, { cause: this.#cause ?? undefined, retryable: true })
  }
}
