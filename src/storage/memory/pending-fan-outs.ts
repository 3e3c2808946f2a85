import type { FanOut } from '../../ports/storage.ts'
import type { Tables } from './tables.ts'

export function pendingFanOuts(tables: Tables, { limit }: { limit: number }): FanOut[] {
  const found: FanOut[] = []
  for (const { record, fanOut } of tables.fanOuts) {
    if (found.length >= limit) break
    if (fanOut === null) continue
    const { id, tenant, type, deliverAt } = record
    found.push({ event: { id, tenant, type, deliverAt }, ...fanOut })
  }
  return found
}
