import type { SchemaResult, StandardSchema } from '../catalog.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import { type CheckedEvent, type WrittenEvent, writeContent } from '../pipeline/send.ts'
import { isThenable } from '../pipeline/thenable.ts'
import { abortable } from '../runtime/abortable.ts'
import type { Core } from './core.ts'
import { describeIssues } from './describe-issues.ts'

/**
 * An event's data by the schema of its type, whose output is what is sent. Nothing has been stored by then. Raw bodies have no
 * schema: they pass when their type is known. What comes back holds nothing of the caller's.
 */

type DataCore = Pick<Core, 'types' | 'clock' | 'settings' | 'closed'>

/**
 * At once where the schema answers at once, else when it has answered. Throws and rejects with `event_invalid`, and with `timed_out`
 * when there is no answer within `acceptTimeoutMs`. `path`: whose arguments these are, for messages.
 */
export function checkData(core: DataCore, event: CheckedEvent, path = 'send'): WrittenEvent | Promise<WrittenEvent> {
  const check = begin(core, event, path)
  if (check === null) return written(core, event, path)
  return check.waits ? later(core, event, check) : check.conclude(check.answer)
}

/** The same for those who can not wait. Throws an `ArgumentError` when the schema does not answer at once. */
export function checkDataNow(core: DataCore, event: CheckedEvent): WrittenEvent {
  const check = begin(core, event, 'send')
  if (check === null) return written(core, event, 'send')
  if (!check.waits) return check.conclude(check.answer)
  // Nobody waits for it: its rejection must not end the host.
  Promise.resolve(check.answer).catch(() => {})
  throw new ArgumentError(
    'argument_invalid',
    'send.data',
    `has an asynchronous schema, and sendIn answers at once on this storage: use send(), or a schema of ${event.type} that is not asynchronous`,
  )
}

/** As it is: its type has no schema. */
export function written({ settings }: Pick<Core, 'settings'>, event: CheckedEvent, path: string): WrittenEvent {
  return writeContent(event, { path, payloadMaxBytes: settings.payloadMaxBytes, given: null })
}

/** What a schema is asked. `path`: where the caller gave it. */
interface Question {
  type: string
  data: unknown
  path: string
}

interface Check {
  answer: unknown
  /** Whether the answer is still to come. */
  waits: boolean
  /** The event with the schema's output. */
  conclude(result: unknown): WrittenEvent
}

/** Null: there is nothing to check. */
function begin({ types, settings }: DataCore, event: CheckedEvent, path: string): Check | null {
  const { type, content } = event
  const schema = types.schemaOf(type)
  if (schema === null || 'body' in content) return null
  // Before the schema gets it: a schema may change what it is given.
  const given = givenAs(content.data)
  const question = { type, data: content.data, path: `${path}.data` }
  return {
    ...ask(schema, question),
    conclude: (result) => {
      const answered = { ...event, content: { data: outputOf(result, question) } }
      return writeContent(answered, { path, payloadMaxBytes: settings.payloadMaxBytes, given })
    },
  }
}

function ask(schema: StandardSchema, { type, data }: Question): Pick<Check, 'answer' | 'waits'> {
  return heard(type, () => {
    const answer: unknown = schema['~standard'].validate(data)
    return { answer, waits: isThenable(answer) }
  })
}

/** Its answer may be anything, with getters that throw: whatever happens while it is read, it is the schema that failed. */
function heard<T>(type: string, hear: () => T): T {
  try {
    return hear()
  } catch (cause) {
    throw schemaFailed(type, cause)
  }
}

async function later(core: DataCore, { type }: CheckedEvent, { answer, conclude }: Check): Promise<WrittenEvent> {
  const ms = core.settings.acceptTimeoutMs
  const message = `the schema of ${type} did not answer within ${ms} ms: nothing was accepted, send again later.`
  const late = new WebhookError('timed_out', message, { retryable: true })
  const abort = new AbortController()
  const timer = core.clock.after(ms, () => abort.abort(late))
  const onClosed = () => abort.abort(new WebhookError('stopped', 'the sender was stopped: nothing was accepted.'))
  core.closed.addEventListener('abort', onClosed)
  const result = await abortable(Promise.resolve(answer), abort.signal)
    .catch((error) => {
      throw abort.signal.aborted ? abort.signal.reason : schemaFailed(type, error)
    })
    .finally(() => {
      timer.cancel()
      core.closed.removeEventListener('abort', onClosed)
    })
  return conclude(result)
}

function outputOf(result: unknown, { type, data, path }: Question): unknown {
  const { value, refused } = heard(type, () => {
    if (typeof result !== 'object' || result === null) throw new TypeError('a schema answers { value } or { issues }')
    const { issues, value } = result as Partial<SchemaResult<unknown>> & { value?: unknown }
    return { value, refused: issues ? describeIssues(issues, data, path) : null }
  })
  if (refused === null) return value
  throw new WebhookError('event_invalid', `the schema of ${type} refuses ${refused}.`)
}

function schemaFailed(type: string, cause: unknown): WebhookError {
  const message = `the schema of ${type} failed instead of answering: nothing was accepted, mend it by the cause of this error.`
  return new WebhookError('event_invalid', message, { cause })
}

/**
 * The caller's data as text. It stands for the call in the idempotency hash, as the schema's output can not: a schema may add a time
 * or an id. Null where JSON can not write it: then the output has to do.
 */
function givenAs(data: unknown): string | null {
  try {
    const given: string | undefined = JSON.stringify(data, (_key, value) => {
      if (value instanceof Map || value instanceof Set) return [...value]
      return typeof value === 'bigint' ? `${value}n` : value
    })
    return given ?? null
  } catch {
    return null
  }
}
