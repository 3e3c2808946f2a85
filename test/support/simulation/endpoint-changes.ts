import type { EndpointRecord } from '../../../src/model/endpoint.ts'
import type { StateChange } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import type { EndpointModel } from './model.ts'
import type { SimProcess } from './process.ts'

/** Endpoints as they are made, changed and removed. */

type Written = 'createEndpoint' | 'updateEndpoint' | 'changeEndpointState' | 'deleteEndpoint'

export function observeEndpoint(
  ledger: Ledger,
  process: SimProcess,
  method: Written,
  input: { id: string } | StateChange,
  output: EndpointRecord | boolean | null,
): void {
  if (output === null || output === false) return
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
  endpoint.patterns = record.eventTypes
  endpoint.changedAt = ledger.sequence
  const { overrides } = record
  endpoint.retries.push({ ...ledger.plan.options.retry, ...overrides.retry } as EndpointModel['retries'][number])
  endpoint.concurrencies.push(overrides.concurrency ?? ledger.plan.options.concurrency.perEndpoint!)
  endpoint.rateLimits.push(overrides.rateLimit ?? null)
  ledger.note(() => `${process.name} wrote ${record.id}: ${method} ${record.state} ${record.eventTypes}`)
}

function changeState(ledger: Ledger, process: SimProcess, endpoint: EndpointModel, change: StateChange): void {
  if (change.reason === 'failing') assertFailing(ledger, endpoint)
  if (endpoint.state === 'disabled' && change.to !== 'disabled') {
    endpoint.failures = 0
    endpoint.blockedUntil = 0
  }
  endpoint.state = change.to
  if (change.to === 'active') {
    endpoint.heldSince = null
    endpoint.heldBy.clear()
  } else endpoint.heldSince ??= ledger.now()
  process.changes.push({ id: endpoint.id, state: change.to })
}

/** Disabled only after enough failures, and never after a success that began later than all of them. */
function assertFailing(ledger: Ledger, endpoint: EndpointModel): void {
  const { disable } = ledger.plan.options
  const { id, failures, lastSuccessAt, lastFailureAt } = endpoint
  const told = `${id} after ${failures} failures, the last of ${lastFailureAt}, the last success of ${lastSuccessAt}`
  if (disable === false) ledger.violated('an endpoint is never disabled where that is switched off', told)
  else if (failures < disable.minFailures!) ledger.violated('an endpoint is disabled only after enough failures', told)
  if (lastSuccessAt >= lastFailureAt && !ledger.plan.clockJumps)
    ledger.violated('a success on the last attempt never disables', told)
}

function made(ledger: Ledger, record: EndpointRecord): EndpointModel {
  const endpoint: EndpointModel = {
    id: record.id,
    tenant: record.tenant,
    state: 'active',
    deleted: false,
    patterns: record.eventTypes,
    changedAt: ledger.sequence,
    createdAt: ledger.sequence,
    blockedUntil: 0,
    heldSince: null,
    retries: [],
    concurrencies: [],
    rateLimits: [],
    failures: 0,
    lastSuccessAt: Number.NEGATIVE_INFINITY,
    lastFailureAt: Number.NEGATIVE_INFINITY,
    heldBy: new Set(),
    callsBegun: 0,
    callsOpen: 0,
  }
  ledger.endpoints.set(record.id, endpoint)
  return endpoint
}
