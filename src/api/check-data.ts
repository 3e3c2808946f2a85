import type { SchemaResult, StandardSchema } from '../catalog.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import type { CheckedEvent } from '../pipeline/send.ts'
import { abortable } from '../runtime/abortable.ts'
import type { Core } from './core.ts'
import { describeIssues } from './describe-issues.ts'

/**
 * An event's data by the schema of its type, whose output is what is sent. Nothing has been written by then. Raw bodies have no
 * schema: they pass when their type is known.
 */

type DataCore = Pick<Core, 'types' | 'clock' | 'settings'>

/**
 * At once where the schema answers at once, else when it has answered. Throws and rejects with `event_invalid`, and with `timed_out`
 * when there is no answer within `acceptTimeoutMs`. `path`: whose arguments these are, for messages.
 */
export function checkData(core: DataCore, event: CheckedEvent, path = 'send'): CheckedEvent | Promise<CheckedEvent> {
  const check = begin(core, event, `${path}.data`)
  if (check === null) return event
  return isThenable(check.answer) ? later(core, event, check) : check.conclude(check.answer)
}

/** The same for those who can not wait. Throws an `ArgumentError` when the schema does not answer at once. */
export function checkDataNow(core: DataCore, event: CheckedEvent): CheckedEvent {
  const check = begin(core, event, 'send.data')
  if (check === null) return event
  if (!isThenable(check.answer)) return check.conclude(check.answer)
  // Nobody waits for it: its rejection must not end the host.
  Promise.resolve(check.answer).catch(() => {})
  throw new ArgumentError(
    'argument_invalid',
    'send.data',
    `has an asynchronous schema, and sendIn answers at once on this storage: use send(), or a schema of ${event.type} that is not asynchronous`,
  )
}

/** What a schema is asked. `path`: where the caller gave it. */
interface Question {
  type: string
  data: unknown
  path: string
}

interface Check {
  answer: unknown
  /** The event with the schema's output. */
  conclude(result: unknown): CheckedEvent
}

/** Null: there is nothing to check. */
function begin({ types }: DataCore, event: CheckedEvent, path: string): Check | null {
  const { type, content } = event
  const schema = types.schemaOf(type)
  if (schema === null || 'body' in content) return null
  // Before the schema gets it: a schema may change what it is given.
  const given = givenAs(content.data)
  const question = { type, data: content.data, path }
  return {
    answer: ask(schema, question),
    conclude: (result) => ({ ...event, content: { data: outputOf(result, question), ...given } }),
  }
}

function ask(schema: StandardSchema, { type, data }: Question): unknown {
  try {
    return schema['~standard'].validate(data)
  } catch (cause) {
    throw schemaFailed(type, cause)
  }
}

async function later(core: DataCore, { type }: CheckedEvent, { answer, conclude }: Check): Promise<CheckedEvent> {
  const ms = core.settings.acceptTimeoutMs
  const message = `the schema of ${type} did not answer within ${ms} ms: nothing was accepted, send again later.`
  const late = new WebhookError('timed_out', message, { retryable: true })
  const abort = new AbortController()
  const timer = core.clock.after(ms, () => abort.abort(late))
  const result = await abortable(Promise.resolve(answer), abort.signal)
    .catch((error) => {
      throw error === late ? late : schemaFailed(type, error)
    })
    .finally(() => timer.cancel())
  return conclude(result)
}

function outputOf(result: unknown, { type, data, path }: Question): unknown {
  if (typeof result !== 'object' || result === null) {
    throw schemaFailed(type, new TypeError('a schema answers { value } or { issues }'))
  }
  const { issues, value } = result as Partial<SchemaResult<unknown>> & { value?: unknown }
  if (!issues) return value
  throw new WebhookError('event_invalid', `the schema of ${type} refuses ${describeIssues(issues, data, path)}.`)
}

function schemaFailed(type: string, cause: unknown): WebhookError {
  const message = `the schema of ${type} failed instead of answering: nothing was accepted, mend it by the cause of this error.`
  return new WebhookError('event_invalid', message, { cause })
}

/**
 * The caller's data as text. It stands for the call in the idempotency hash, as the schema's output can not: a schema may add a time
 * or an id. Empty where JSON can not write it: then the output has to do.
 */
function givenAs(data: unknown): { given?: string } {
  try {
    const given = JSON.stringify(data, (_key, value) => {
      if (value instanceof Map || value instanceof Set) return [...value]
      return typeof value === 'bigint' ? `${value}n` : value
    })
    return given === undefined ? {} : { given }
  } catch {
    return {}
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
