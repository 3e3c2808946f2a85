import { errorCode, messageOf, WebhookError, type WebhookErrorCode } from '../../errors.ts'
import { failureOf } from './failures.ts'

const FAILURES: readonly (readonly [prefix: string, code: WebhookErrorCode, advice: string])[] = [
  ['25P02', 'transaction_aborted', 'A statement of the transaction failed before: roll back, then run it again.'],
  [
    '42P01',
    'storage_unavailable',
    'Its tables are not there yet: await sender.health() once at start-up, before the first sendIn.',
  ],
  ['40', 'storage_busy', 'Another transaction stood in the way: roll back, then run the transaction again.'],
]

/**
 * Of a statement in the host's transaction, as the port promises it: it is the transaction that has to be run again. A mistake
 * of the caller's is left as it is; any other failure that the server did not tell is a lost connection.
 */
export function failureInHost(thrown: unknown, where: string): unknown {
  if (thrown instanceof WebhookError) return thrown
  const state = sqlStateOf(thrown)
  if (state === null && thrown instanceof TypeError) return thrown
  const failure = FAILURES.find(([prefix]) => state?.startsWith(prefix))
  if (failure === undefined) {
    const told = new Error(messageOf(thrown), { cause: thrown })
    return failureOf(state === null ? told : Object.assign(told, { code: state }), where)
  }
  const [, code, advice] = failure
  const retryable = code === 'storage_busy'
  return new WebhookError(code, `${where}: ${advice} (${state})`, { cause: thrown, retryable })
}

/** Where drivers and what is built on them put what the server told. */
const PLACES = ['cause', 'meta', 'driverAdapterError'] as const
/** Of which one is within the other. */
const DEPTH_MAX = 5

/** As the server told it. What stands on the driver may have codes of its own, such as P2010, and so has the system: EPIPE. */
function sqlStateOf(thrown: unknown, depth = 0): string | null {
  if (typeof thrown !== 'object' || thrown === null || depth === DEPTH_MAX) return null
  const { originalCode } = thrown as { originalCode?: unknown }
  for (const code of [errorCode(thrown), originalCode]) {
    if (typeof code === 'string' && /^(?=.*\d)(?!P[1-9])[0-9A-Z]{5}$/.test(code)) return code
  }
  for (const place of PLACES) {
    const state = sqlStateOf((thrown as Record<string, unknown>)[place], depth + 1)
    if (state !== null) return state
  }
  return null
}
