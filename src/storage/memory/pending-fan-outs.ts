import type { FanOut } from '../../ports/storage.ts'
import { perTenant, type Tables } from './tables.ts'

/** One event of each tenant and ordering key, the first: the others wait until all its deliveries are written. */
export function pendingFanOuts(tables: Tables, { limit }: { limit: number }): FanOut[] {
  const found: FanOut[] = []
  const keys = new Set<string>()
  for (const { record, fanOut } of tables.fanOuts) {
    if (found.length >= limit) break
    if (fanOut === null) continue
    const { id, tenant, type, deliverAt, orderingKey } = record
    if (orderingKey !== null) {
      const key = perTenant(tenant, orderingKey)
      if (keys.has(key)) continue
      keys.add(key)
    }
    const endpointIds = fanOut.endpointIds === null ? null : [...fanOut.endpointIds]
    found.push({ event: { id, tenant, type, deliverAt }, ...fanOut, endpointIds })
  }
  return found
}
