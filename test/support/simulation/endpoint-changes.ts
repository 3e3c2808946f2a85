import type { EndpointRecord } from '../../../src/model/endpoint.ts'
import type { StateChange } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import { type EndpointModel, healthy } from './model.ts'
import type { SimProcess } from './process.ts'

/** Endpoints as they are made, changed and removed. */

type Written = 'createEndpoint' | 'updateEndpoint' | 'changeEndpointState' | 'deleteEndpoint'

export function observeEndpoint(
  ledger: Ledger,
  process: SimProcess,
  method: Written,
  input: { id: string } | StateChange,
  output: EndpointRecord | 'conflict' | boolean | null,
): void {
  if (output === null || output === false || output === 'conflict') return
  if (method === 'deleteEndpoint') {
    const endpoint = ledger.endpoints.get((input as { id: string }).id)
    if (endpoint === undefined) return
    endpoint.deleted = true
    endpoint.changedAt = ledger.sequence
    process.changes.push({ id: endpoint.id, state: 'deleted' })
    return
  }
  const record = output as EndpointRecord
  const endpoint = ledger.endpoints.get(record.id) ?? made(ledger, record)
  if (method === 'changeEndpointState') changeState(ledger, process, endpoint, input as StateChange)
  ledger.hosts.set(new URL(record.url).hostname, record.id)
  if (endpoint.url !== record.url) {
    endpoint.url = record.url
    endpoint.failuresAtUrl = 0
  }
  endpoint.patterns = record.eventTypes
  endpoint.allPatterns.push(record.eventTypes)
  endpoint.changedAt = ledger.sequence
  const { overrides } = record
  endpoint.retries.push({ ...ledger.plan.options.retry, ...overrides.retry } as EndpointModel['retries'][number])
  endpoint.concurrencies.push(overrides.concurrency ?? ledger.plan.options.concurrency.perEndpoint!)
  endpoint.rateLimits.push(overrides.rateLimit ?? null)
  ledger.note(() => `${process.name} wrote ${record.id}: ${method} ${record.state} ${record.eventTypes}`)
}

function changeState(ledger: Ledger, process: SimProcess, endpoint: EndpointModel, change: StateChange): void {
  if (change.reason === 'failing') assertFailing(ledger, endpoint, change.now)
  if (endpoint.state === 'disabled' && change.to !== 'disabled') {
    endpoint.health = healthy(change.now)
    endpoint.failuresAtUrl = 0
    endpoint.blockedUntil = 0
  }
  endpoint.state = change.to
  if (change.to === 'active') {
    endpoint.heldSince = null
    endpoint.heldBy.clear()
  } else endpoint.heldSince ??= change.now
  process.changes.push({ id: endpoint.id, state: change.to })
}

/** Disabled only after enough failures in a long enough time without a success that began later. */
function assertFailing(ledger: Ledger, endpoint: EndpointModel, now: number): void {
  const { disable } = ledger.plan.options
  const { id, health, failuresAtUrl } = endpoint
  const told = `${id} at ${now}: ${JSON.stringify(health)}`
  if (failuresAtUrl === 0) ledger.violated('a verdict about an old URL never disables the new one', told)
  if (disable === false) ledger.violated('an endpoint is never disabled where that is switched off', told)
  else if (health.since === null) ledger.violated('an endpoint that recovered is never disabled', told)
  else if (health.failures < disable.minFailures!) {
    ledger.violated('an endpoint is disabled only after enough failures', told)
  } else if (now - health.since < disable.afterMs! && !ledger.plan.clockJumps) {
    ledger.violated('an endpoint is disabled only after long enough', told)
  }
}

function made(ledger: Ledger, record: EndpointRecord): EndpointModel {
  const endpoint: EndpointModel = {
    id: record.id,
    tenant: record.tenant,
    state: 'active',
    deleted: false,
    patterns: record.eventTypes,
    allPatterns: [],
    changedAt: ledger.sequence,
    createdAt: ledger.sequence,
    blockedUntil: 0,
    heldSince: null,
    retries: [],
    concurrencies: [],
    rateLimits: [],
    health: healthy(),
    url: record.url,
    failuresAtUrl: 0,
    heldBy: new Set(),
    callsBegun: 0,
    callsOpen: 0,
  }
  ledger.endpoints.set(record.id, endpoint)
  return endpoint
}
