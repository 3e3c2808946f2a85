import type { ReplayRecord } from '../../model/replay.ts'
import type { Page, ReplayQuery } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { REPLAY_COLUMNS, type ReplayRow, replayOf } from './replays.ts'

export function listReplays(db: Connection, query: ReplayQuery): Page<ReplayRecord> {
  const { tenant, states, after } = query
  const [index, where] = tenant === null ? ['replay_by_creation', ''] : ['replay_by_tenant', 'tenant = @tenant AND']
  const rows = db.iterate<ReplayRow & Examined>(
    `SELECT @states IS NULL OR state IN (SELECT value FROM json_each(@states)) AS matches, ${REPLAY_COLUMNS}
    FROM {replay} INDEXED BY {${index}}
    WHERE ${where} (created_at, key) < (@at, @key) ORDER BY created_at DESC, key DESC`,
    { tenant, states: states && JSON.stringify(states), ...startOf(after, null) },
  )
  return takePage(rows, query, (row) => replayOf(row).record)
}
