import { type EndpointRecord, HEALTHY } from '../../model/endpoint.ts'
import type { NewEndpoint } from '../../ports/storage.ts'
import { copyOf, nextVersion } from './endpoints.ts'
import { OrderedRows } from './ordered-rows.ts'
import { type EndpointRow, nextKey, type Tables, tenantOf } from './tables.ts'

/** Made again under the same id, it is the one made before. */
export function createEndpoint(
  tables: Tables,
  { endpoint, now }: { endpoint: NewEndpoint; now: number },
): EndpointRecord {
  const before = tables.endpoints.get(endpoint.id)
  if (before !== undefined) return copyOf(before)
  const settings = structuredClone(endpoint)
  const tenant = tenantOf(tables, endpoint.tenant)
  const version = nextVersion(tenant)
  const row: EndpointRow = {
    key: nextKey(tables),
    tenant,
    record: {
      ...settings,
      urlVersion: 1,
      state: 'active',
      stateReason: null,
      stateChangedAt: now,
      health: HEALTHY,
      createdAt: now,
      updatedAt: now,
      createdVersion: version,
    },
    version,
    deleted: false,
    lane: {
      heldSince: null,
      blockedUntil: 0,
      deferredUntil: 0,
      lastClaim: { at: 0, turn: 0 },
      pending: new OrderedRows((delivery) => delivery.dueAt),
      queues: new Map(),
      waiting: new Set(),
    },
  }
  tables.endpoints.set(endpoint.id, row)
  tables.endpointsByCreation.add(row)
  return copyOf(row)
}
