import { isThenable } from '../pipeline/thenable.ts'
import type { Logger } from '../ports/logger.ts'
import type { LifecycleEvents, LifecycleName } from './lifecycle-events.ts'

/** What the logger is told: never a header, a body, a URL or a secret. */

type Level = 'debug' | 'info' | 'warn' | 'error'

interface Line<K extends LifecycleName> {
  level: Level
  message: string
  /** Left out: the payload as it is. */
  fields?: (payload: LifecycleEvents[K]) => object
}

/** The lifecycle events that are logged beside `'error'`. A delivery that was delivered is told by its last attempt. */
const LINES: { [K in LifecycleName]?: Line<K> } = {
  attempt: {
    level: 'debug',
    message: 'an attempt ended',
    fields: ({ deliveryId, eventId, endpointId, tenant, type, attempt, nextAttemptAt }) => {
      const { number, round, outcome, status, durationMs } = attempt
      const ids = { deliveryId, eventId, endpointId, tenant, type }
      return { ...ids, attempt: number, round, outcome, status, durationMs, nextAttemptAt }
    },
  },
  'delivery.failed': { level: 'debug', message: 'a delivery failed for good' },
  'delivery.canceled': { level: 'debug', message: 'a delivery was canceled' },
  'endpoint.failing': { level: 'warn', message: 'an endpoint keeps failing' },
  'endpoint.disabled': { level: 'warn', message: 'an endpoint was disabled' },
  'replay.completed': { level: 'info', message: 'a replay has visited all that it selected' },
}

/** What people do to a sender, which no listener is told: the caller knows it. */
const NOTES = {
  'sender.started': 'delivering from this process',
  'sender.stopped': 'no longer delivering from this process',
  'endpoint.created': 'an endpoint was created',
  'endpoint.updated': 'an endpoint was updated',
  'endpoint.paused': 'an endpoint was paused',
  'endpoint.resumed': 'an endpoint was resumed',
  'endpoint.enabled': 'an endpoint was enabled',
  'endpoint.deleted': 'an endpoint was deleted',
  'event.canceled': 'an event was canceled',
  'endpoint.secret_rotated': 'an endpoint was given another secret',
  'endpoint.secrets_revealed': 'the secrets of an endpoint were shown',
  'secrets.resealed': 'secrets were sealed with the first key of secretsKey',
  'replay.created': 'a replay was created',
  'replay.canceled': 'a replay was canceled',
} as const

export type Note = keyof typeof NOTES

export class Log {
  readonly #logger: Logger | null

  constructor(logger: Logger | null) {
    this.#logger = logger
  }

  /** Whether that event is written: asked before its payload is made. */
  writes(name: LifecycleName): boolean {
    const line = LINES[name]
    return line !== undefined && this.#enabled(line.level)
  }

  event<K extends LifecycleName>(name: K, payload: LifecycleEvents[K]): void {
    const line: Line<K> | undefined = LINES[name]
    if (line === undefined || !this.#enabled(line.level)) return
    this.#write(line.level, name, line.fields?.(payload) ?? payload, line.message)
  }

  note(note: Note, fields: object): void {
    if (this.#enabled('info')) this.#write('info', note, fields, NOTES[note])
  }

  warning(warning: string): void {
    if (this.#enabled('warn')) this.#write('warn', 'storage.warning', {}, warning)
  }

  /** `err` is the name under which pino and others write an error with its stack. */
  error(error: unknown, context: string): void {
    if (this.#enabled('error')) this.#write('error', 'error', { err: error, context }, context)
  }

  #enabled(level: Level): boolean {
    if (this.#logger === null) return false
    try {
      return this.#logger.isLevelEnabled?.(level) ?? true
    } catch {
      return true
    }
  }

  /** A logger that fails has nobody to be told to, and must not end the host by a rejection that nobody awaits. */
  #write(level: Level, what: string, fields: object, message: string): void {
    try {
      const returned: unknown = this.#logger?.[level]({ hookferry: what, ...fields }, `hookferry: ${message}`)
      if (isThenable(returned)) Promise.resolve(returned).catch(() => {})
    } catch {}
  }
}
