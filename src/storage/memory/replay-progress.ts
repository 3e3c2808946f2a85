import type { ReplayProgressCounts } from '../../ports/storage.ts'
import type { Tables } from './tables.ts'

export function replayProgress(tables: Tables, id: string): ReplayProgressCounts {
  const counts = { delivered: 0, failed: 0, canceled: 0, open: 0 }
  for (const { replayId, state } of tables.deliveries.values()) {
    if (replayId === id) counts[state === 'pending' || state === 'leased' ? 'open' : state] += 1
  }
  return counts
}
