import type { ReplayRecord } from '../../model/replay.ts'
import type { Page, ReplayQuery } from '../../ports/storage.ts'
import { takePage } from './page.ts'
import { replayRecord } from './records.ts'
import type { Tables } from './tables.ts'

export function listReplays(tables: Tables, query: ReplayQuery): Page<ReplayRecord> {
  const { tenant, states } = query
  return takePage(tables.replaysByCreation.down(query.after), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record }) =>
      (tenant === null || record.tenant === tenant) && (states === null || states.includes(record.state)),
    record: replayRecord,
  })
}
