import type { Connection } from './connection.ts'

/** What the server says of itself, as far as it decides whether what is acknowledged can be lost. */
export interface Durability {
  fsync: string
  fullPageWrites: string
  /** Of the session, that is of the host's own transactions; ours set their own. */
  synchronousCommit: string
  synchronousStandbys: string
  /** Physical standbys that stream; backups and logical subscribers are none. */
  standbys: number
}

/** Without the right to see it, the state of a standby is null: it is counted. */
const DURABILITY = `SELECT current_setting('fsync', true) AS "fsync", current_setting('full_page_writes', true) AS "fullPageWrites",
    current_setting('synchronous_commit') AS "synchronousCommit",
    coalesce(current_setting('synchronous_standby_names', true), '') AS "synchronousStandbys",
    (SELECT count(*) FROM pg_stat_replication AS r WHERE coalesce(r.state, 'streaming') IN ('streaming', 'catchup')
      AND NOT EXISTS (SELECT 1 FROM pg_replication_slots AS s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
    ) AS "standbys"`

/** What an operator should know: each in plain words, with the remedy. */
export async function durabilityWarnings(db: Connection): Promise<string[]> {
  const durability = await db.get<Durability>(DURABILITY)
  return durability === undefined ? [] : warningsOf(durability)
}

export function warningsOf(durability: Durability): string[] {
  const { fsync, fullPageWrites, synchronousCommit, synchronousStandbys, standbys } = durability
  const warnings: string[] = []
  if (fsync === 'off') {
    warnings.push(
      'Postgres runs with fsync = off: a power cut may lose what was acknowledged, or the whole database. Set fsync = on.',
    )
  }
  if (fullPageWrites === 'off') {
    warnings.push(
      'Postgres runs with full_page_writes = off: a power cut may damage tables. Set it to on, unless the file system never tears a page.',
    )
  }
  if (standbys > 0 && synchronousStandbys.trim() === '') {
    warnings.push(
      'Postgres has a standby and does not wait for it (synchronous_standby_names is empty): a failover may lose events that were acknowledged in its last moments. Name the standby in synchronous_standby_names where that must not be.',
    )
  }
  if (!['on', 'remote_apply'].includes(synchronousCommit)) {
    warnings.push(
      `Transactions of your own commit with synchronous_commit = ${synchronousCommit}: what sendIn wrote in one may be lost with it by a crash or failover. Leave it on for them where that must not be; what send writes is safe.`,
    )
  }
  return warnings
}
