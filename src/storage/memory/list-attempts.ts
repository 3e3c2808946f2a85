import type { AttemptRecord } from '../../model/attempt.ts'
import type { AttemptQuery, Page } from '../../ports/storage.ts'
import { findDelivery } from './find-delivery.ts'
import { takePage } from './page.ts'
import type { Tables } from './tables.ts'

export function listAttempts(tables: Tables, query: AttemptQuery): Page<AttemptRecord> {
  const last = query.after?.key ?? 0
  const attempts = findDelivery(tables, query.deliveryId)?.attempts ?? []
  return takePage(
    attempts.filter(({ number }) => number > last),
    query,
    {
      placeOf: ({ startedAt, number }) => ({ at: startedAt, key: number }),
      matches: () => true,
      record: (attempt) => ({ ...attempt }),
    },
  )
}
