import { hostTurn } from '../engine/host-turn.ts'
import { errorCode, messageOf, WebhookError, type WebhookErrorCode } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { Page, Position } from '../ports/storage.ts'
import { secretsInForce } from '../signing/in-force.ts'
import type { Core } from './core.ts'
import { type EndpointAccess, endpointAccess } from './endpoint-access.ts'
import type { RunningCore } from './running-core.ts'
import { Alarm } from './waiting.ts'

/** Seals with the first key what was stored before there was one, or sealed with another: page by page, of all tenants. */

/** What came of it. */
export interface ResealResult {
  /** Endpoints looked at: all that there are. */
  examined: number
  /** Endpoints whose secrets were sealed anew. */
  resealed: number
}

const PAGE = 100
/**
 * Each write makes the caches of its tenant look again, so that a send which comes between is made anew: for so many times as
 * long as the last step took nothing is written.
 */
const REST_FACTOR = 4
const REST_MAX_MS = 250
/** Endpoints that a message names at most. */
const NAMED_MAX = 5

/** Throws, having done all others: `secrets_key_unknown`, `secret_unreadable`. */
export async function resealSecrets(core: Core): Promise<ResealResult> {
  await core.ready()
  if (!core.sealing.active) {
    const message = 'there is no secretsKey to seal with: create the sender with one.'
    throw new WebhookError('secrets_key_unknown', message)
  }
  const access = endpointAccess(core, { bound: null, requireTenant: false })
  const result: ResealResult = { examined: 0, resealed: 0 }
  const failed: { id: string; error: unknown }[] = []
  let next: Position | null = null
  do {
    const page: Page<EndpointRecord> = await paced(core, () => pageAfter(core, next))
    for (const endpoint of page.items) {
      result.examined += 1
      if (isCurrent(core, endpoint)) continue
      try {
        if (await paced(core, () => reseal(core, access, endpoint.id))) result.resealed += 1
      } catch (error) {
        if (!DAMAGED.has(errorCode(error))) throw error
        failed.push({ id: endpoint.id, error })
      }
    }
    next = page.next
  } while (next !== null)
  if (result.resealed > 0) core.lifecycle.note('secrets.resealed', result)
  if (failed.length > 0) throw notAll(failed)
  return result
}

/** What `start` does meanwhile, where there is a key. */
export async function resealInBackground(core: RunningCore): Promise<void> {
  if (!core.sealing.active) return
  await core.track(resealSecrets(core)).catch((error) => {
    if (!core.closed.aborted) core.lifecycle.fail(error, 'sealing secrets anew')
  })
}

function pageAfter(core: Core, after: Position | null): Promise<Page<EndpointRecord>> {
  const query = { tenant: null, states: null, changedSince: null, limit: PAGE, examine: PAGE, after }
  return core.ask((storage) => storage.listEndpoints(query))
}

/** These concern one endpoint, and keep no other from being sealed. */
const DAMAGED = new Set<string | undefined>(['secrets_key_unknown', 'secret_unreadable'] satisfies WebhookErrorCode[])

/** Sealed by the first key, each of them, and none that expired is left. */
function isCurrent(core: Core, { secrets }: EndpointRecord): boolean {
  const inForce = secretsInForce(secrets, core.clock.now())
  return inForce.length === secrets.length && inForce.every(({ value }) => core.sealing.isCurrent(value))
}

/** False: it has gone meanwhile, or another process has done it. */
async function reseal(core: Core, { change }: EndpointAccess, id: string): Promise<boolean> {
  let written = false
  const seal = (before: EndpointRecord) => {
    if (isCurrent(core, before)) return null
    written = true
    const plain = core.sealing.open(before, core.clock.now())
    const secrets = plain.map((secret) => ({ ...secret, value: core.sealing.seal(secret.value, id) }))
    // It stays as old as it was: nothing of what anybody chose for it has changed.
    return { settings: { secrets }, guard: { secrets: before.secrets }, now: before.updatedAt }
  }
  const after = await change(id, seal).catch((error) => {
    if (errorCode(error) === 'endpoint_not_found') return null
    throw error
  })
  if (after === null) return false
  if (written) await core.endpointsChanged(after.tenant)
  return written
}

/** One step, and the host's turn after it. */
async function paced<T>(core: Core, step: () => Promise<T>): Promise<T> {
  const began = core.clock.monotonic()
  const result = await step()
  const took = core.clock.monotonic() - began
  await hostTurn()
  if (took > 0) await rest(core, Math.min(took * REST_FACTOR, REST_MAX_MS))
  return result
}

/** Ends with the sender. */
async function rest({ clock, closed }: Core, ms: number): Promise<void> {
  if (closed.aborted) return
  const alarm = new Alarm()
  const ring = () => alarm.ring()
  closed.addEventListener('abort', ring)
  await alarm.sleep(clock, ms)
  closed.removeEventListener('abort', ring)
}

function notAll(failed: readonly { id: string; error: unknown }[]): WebhookError {
  const error = failed[0]?.error
  const named = failed.slice(0, NAMED_MAX).map(({ id }) => id)
  const more = failed.length > named.length ? ` and ${failed.length - named.length} more` : ''
  const message = `the secrets of ${named.join(', ')}${more} could not be sealed anew, those of all others are: ${messageOf(error)}`
  const code = errorCode(error) === 'secrets_key_unknown' ? 'secrets_key_unknown' : 'secret_unreadable'
  return new WebhookError(code, message, { cause: error })
}
