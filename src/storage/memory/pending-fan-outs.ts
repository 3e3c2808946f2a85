import type { FanOut } from '../../ports/storage.ts'
import { perTenant, type Tables } from './tables.ts'

/** One event of each tenant and ordering key, the first: the others wait until all its deliveries are written. */
export function pendingFanOuts(tables: Tables, { limit }: { limit: number }): FanOut[] {
  const found: FanOut[] = []
  const keys = new Set<string>()
  for (const { record, endpointsVersion, endpointIds, fanOutCursor } of tables.fanOuts) {
    if (found.length >= limit) break
    if (fanOutCursor === null) continue
    const { id, tenant, type, deliverAt, orderingKey } = record
    if (orderingKey !== null) {
      const key = perTenant(tenant, orderingKey)
      if (keys.has(key)) continue
      keys.add(key)
    }
    const addressed = endpointIds === null ? null : [...endpointIds]
    const event = { id, tenant, type, deliverAt }
    found.push({ event, endpointsVersion, endpointIds: addressed, cursor: fanOutCursor })
  }
  return found
}
