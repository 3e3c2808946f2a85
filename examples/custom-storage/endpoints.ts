import { isDeepStrictEqual } from 'node:util'
import {
  type EndpointRecord,
  type EndpointUpdate,
  HEALTHY,
  type NewEndpoint,
  type StateChange,
} from 'hookferry/storage'
import { changeLane, meetTenant } from './lanes.ts'
import { endpointRecord } from './records.ts'
import type { EndpointRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { endpoints, lanes, nextKey, tenants } from './tables.ts'

interface Which {
  id: string
  tenant: string | null
}

/** Made again under the same id, it is the one made before. */
export function createEndpoint(db: Writer, { endpoint, now }: { endpoint: NewEndpoint; now: number }): EndpointRecord {
  const { id, tenant } = endpoint
  const before = endpoints.find(db, id)
  if (before !== undefined) return endpointRecord(before, lanes.get(db, id))
  meetTenant(db, tenant)
  const version = nextVersion(db, tenant)
  const created = { createdAt: now, updatedAt: now, createdVersion: version }
  const state = { urlVersion: 1, state: 'active' as const, stateReason: null, stateChangedAt: now }
  endpoints.put(db, { key: nextKey(db), deleted: false, version, record: { ...endpoint, ...state, ...created } })
  lanes.put(db, {
    endpointId: id,
    tenant,
    deleted: false,
    heldSince: null,
    blockedUntil: 0,
    deferredUntil: 0,
    claimedAt: 0,
    claimedTurn: 0,
    health: HEALTHY,
    readyAt: null,
    holdAt: null,
    queued: false,
  })
  return recordOf(db, id)
}

export function getEndpoint(db: Reader, which: Which): EndpointRecord | null {
  return find(db, which) === undefined ? null : recordOf(db, which.id)
}

export function updateEndpoint(db: Writer, input: EndpointUpdate): EndpointRecord | 'conflict' | null {
  const { settings, guard = {}, now } = input
  const row = find(db, input)
  if (row === undefined) return null
  const { url, urlVersion } = row.record
  // As kept: what is undefined is not there.
  const guarded = { ...row.record, ...JSON.parse(JSON.stringify(guard)) }
  if (!isDeepStrictEqual(guarded, row.record)) return 'conflict'
  const moved = settings.url !== undefined && settings.url !== url
  change(db, row, { ...settings, urlVersion: moved ? urlVersion + 1 : urlVersion, updatedAt: now })
  return recordOf(db, input.id)
}

export function changeEndpointState(db: Writer, input: StateChange): EndpointRecord | null {
  const { id, from, to, reason, guard, now } = input
  const row = find(db, input)
  if (row === undefined || !from.includes(row.record.state)) return null
  const lane = lanes.get(db, id)
  if (guard !== null) {
    if (row.record.urlVersion !== guard.urlVersion || lane.health.recoveredAt !== guard.recoveredAt) return null
  }
  change(db, row, { state: to, stateReason: reason, stateChangedAt: now, updatedAt: now })
  const enabled = row.record.state === 'disabled' && to !== 'disabled'
  changeLane(db, id, now, {
    heldSince: to === 'active' ? null : (lane.heldSince ?? now),
    // As if it had just succeeded: a verdict about what was before does not apply any more.
    ...(enabled ? { health: { ...HEALTHY, recoveredAt: now }, blockedUntil: 0 } : {}),
  })
  return recordOf(db, id)
}

export function markWarned(db: Writer, { id, failingSince }: { id: string; failingSince: number }): boolean {
  const lane = lanes.find(db, id)
  if (lane === undefined || lane.deleted || lane.health.failingSince !== failingSince || lane.health.warned)
    return false
  // Health has no part in its place in line.
  lanes.put(db, { ...lane, health: { ...lane.health, warned: true } })
  return true
}

/** Headers go with the secrets: customers put tokens there. */
export function deleteEndpoint(db: Writer, input: Which & { now: number }): boolean {
  const row = find(db, input)
  if (row === undefined) return false
  change(db, { ...row, deleted: true }, { secrets: [], headers: {}, updatedAt: input.now })
  const { heldSince } = lanes.get(db, input.id)
  changeLane(db, input.id, input.now, { deleted: true, heldSince: heldSince ?? input.now })
  return true
}

/** Undefined also for the deleted, and for those of another tenant unless `tenant` is null. */
function find(db: Reader, { id, tenant }: Which): EndpointRow | undefined {
  const row = endpoints.find(db, id)
  if (row === undefined || row.deleted || (tenant !== null && row.record.tenant !== tenant)) return undefined
  return row
}

/** Writes a change that others must learn of. */
function change(db: Writer, row: EndpointRow, changes: Partial<EndpointRow['record']>): void {
  const version = nextVersion(db, row.record.tenant)
  endpoints.put(db, { ...row, version, record: { ...row.record, ...changes } })
}

function nextVersion(db: Writer, tenant: string): number {
  const row = tenants.get(db, tenant)
  tenants.put(db, { ...row, version: row.version + 1 })
  return row.version + 1
}

function recordOf(db: Reader, id: string): EndpointRecord {
  return endpointRecord(endpoints.get(db, id), lanes.get(db, id))
}
