import type { ReplayRecord } from '../../model/replay.ts'
import type { Page, ReplayQuery } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, firstChunk, inChunks, startOf, takePage } from './page.ts'
import { REPLAY_COLUMNS, type ReplayRow, replayOf } from './replays.ts'

export function listReplays(db: Connection, query: ReplayQuery): Promise<Page<ReplayRecord>> {
  const [where, values] = query.tenant === null ? ['', []] : ['tenant = $5 AND', [query.tenant]]
  const sql = `
    SELECT ($1::text[] IS NULL OR state = ANY($1)) AS matches, ${REPLAY_COLUMNS}
    FROM {replay} WHERE ${where} (created_at, key) < ($2, $3)
    ORDER BY created_at DESC, key DESC LIMIT $4`
  const rows = inChunks<ReplayRow & Examined>(startOf(query.after, null), firstChunk(query), ({ at, key }, size) => {
    return db.all(sql, query.states, at, key, size, ...values)
  })
  return takePage(rows, query, replayOf)
}
