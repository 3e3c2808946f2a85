import { WebhookError } from '../../errors.ts'
import type { InsertEventInInput, TxInsertResult } from '../../ports/storage.ts'
import { whereOf } from './connection.ts'
import { failureInHost } from './failures-in-host.ts'
import type { Settings } from './options.ts'
import { textOf } from './rows.ts'

/**
 * Sends a statement within the host's transaction, by whichever driver: values are texts or null, and so are the columns of its
 * rows.
 */
export type HostQuery = (text: string, values: (string | null)[]) => Promise<{ rows: readonly unknown[] }>

/** What was there, as texts; `seen` is about the event's id, `taken` about its idempotency key. */
interface Found {
  seenhash?: string | null
  seentenant?: string | null
  takenby?: string | null
  takenhash?: string | null
}

interface Answer extends Found {
  held?: string | null
  claimed?: string | null
  written?: string | null
}

/** What it conflicts with may be gone whenever it is looked for; more than a few times it is not by chance. */
const TRIES = 4

/** The event's id is $1, its tenant $2, its idempotency key $3, and the moment $4. */
const SEEN = 'SELECT hash, tenant FROM {event} WHERE id = $1::text'
const TAKEN = `SELECT event_id, hash FROM {idempotency}
    WHERE tenant = $2::text AND key = $3::text AND expires_at > $4::text::bigint`
const FOUND = `
    (SELECT coalesce(hash, '') FROM seen) AS seenhash, (SELECT tenant FROM seen) AS seentenant,
    (SELECT event_id FROM taken) AS takenby, (SELECT hash FROM taken) AS takenhash`

/**
 * Looks, and writes what is not there. What another transaction commits meanwhile is met by ON CONFLICT, which waits for it and
 * then writes nothing: a unique violation would end the host's transaction. No row is touched but those of this id and key.
 */
const INSERT = `
  WITH ground AS (
    SELECT $5::text IS NULL OR position($5::text in coalesce(current_setting('hookferry.tx', true), '')) > 0 AS held
  ), seen AS (${SEEN}
  ), taken AS (${TAKEN}
  ), claimed AS (
    INSERT INTO {idempotency} AS k (expires_at, tenant, key, event_id, hash)
    SELECT $6::text::bigint, $2::text, $3::text, $1::text, $7::text FROM ground
    WHERE held AND $3::text IS NOT NULL AND NOT EXISTS (SELECT FROM seen) AND NOT EXISTS (SELECT FROM taken)
    ON CONFLICT (tenant, key) DO UPDATE
      SET expires_at = excluded.expires_at, event_id = excluded.event_id, hash = excluded.hash
      WHERE k.expires_at <= $4::text::bigint
    RETURNING event_id
  ), written AS (
    INSERT INTO {event} (id, tenant, created_at, occurred_at, deliver_at, canceled_at, fan_version, fan_cursor, type,
      ordering_key, idempotency_key, hash, endpoint_ids, content_type, headers, metadata, body)
    SELECT $1::text, $2::text, $8::text::bigint,
      nullif($9::text::bigint, $8::text::bigint), nullif($10::text::bigint, $8::text::bigint), $11::text::bigint,
      coalesce((SELECT version FROM {tenant} WHERE name = $2::text), 0), '', $12::text,
      $13::text, $3::text, CASE WHEN $14::text = 'true' THEN $7::text END, $15::text, $16::text, $17::text, $18::text,
      decode($19::text, 'base64')
    FROM ground
    WHERE held AND NOT EXISTS (SELECT FROM seen) AND ($3::text IS NULL OR EXISTS (SELECT FROM claimed))
    ON CONFLICT (id) DO NOTHING RETURNING id
  )
  SELECT (SELECT held FROM ground)::text AS held, EXISTS (SELECT FROM claimed)::text AS claimed,
    EXISTS (SELECT FROM written)::text AS written, ${FOUND}`

/**
 * What was not there when the statement before began. Where $5 tells that it took the key, and then met the id, it gives back
 * the key, which is not to stand for an event that is not its own.
 */
const TELL = `
  WITH seen AS (${SEEN}
  ), taken AS (${TAKEN} AND $5::text <> 'true'
  ), freed AS (
    DELETE FROM {idempotency} WHERE tenant = $2::text AND key = $3::text AND event_id = $1::text AND $5::text = 'true'
  )
  SELECT ${FOUND}`

export function insertEventIn(query: HostQuery, settings: Settings, input: InsertEventInInput): Promise<TxInsertResult>
/**
 * `mark`: written only where `hookferry.tx` holds this value, which was added for the transaction by a statement before. Null:
 * nothing was written, that transaction is over or there was none.
 */
export function insertEventIn(
  query: HostQuery,
  settings: Settings,
  input: InsertEventInInput,
  mark: string | null,
): Promise<TxInsertResult | null>
export async function insertEventIn(
  query: HostQuery,
  settings: Settings,
  input: InsertEventInInput,
  mark: string | null = null,
): Promise<TxInsertResult | null> {
  const rowOf = async <Row>(sql: string, values: (string | null)[]) => {
    const row = (await query(named(sql, settings), values)).rows[0]
    if (row === undefined) throw new Error('the statement returned no row')
    return row as Row
  }
  try {
    const values = valuesOf(input, mark)
    for (let tries = 0; tries < TRIES; tries++) {
      const answer = await rowOf<Answer>(INSERT, values)
      if (answer.held !== 'true') return null
      if (answer.written === 'true') return { status: 'inserted' }
      const earlier =
        earlierOf(input, answer) ??
        earlierOf(input, await rowOf<Found>(TELL, [...values.slice(0, 4), answer.claimed ?? 'false']))
      if (earlier !== null) return earlier
    }
  } catch (error) {
    throw failureInHost(error, whereOf(settings))
  }
  const message = `${whereOf(settings)}: other transactions took its id or idempotency key, and gave it up. Send it again.`
  throw new WebhookError('storage_busy', message, { retryable: true })
}

function valuesOf({ now, event: item }: InsertEventInInput, mark: string | null): (string | null)[] {
  const { event, idGiven, hash, idempotencyExpiresAt, endpointIds } = item
  return [
    event.id,
    event.tenant,
    event.idempotencyKey,
    String(now),
    mark,
    String(idempotencyExpiresAt ?? event.createdAt),
    hash,
    String(event.createdAt),
    String(event.occurredAt),
    String(event.deliverAt),
    event.canceledAt === null ? null : String(event.canceledAt),
    event.type,
    event.orderingKey,
    String(idGiven),
    endpointIds && JSON.stringify(endpointIds),
    event.contentType,
    textOf(event.headers),
    textOf(event.metadata),
    Buffer.from(event.body.buffer, event.body.byteOffset, event.body.byteLength).toString('base64'),
  ]
}

/** As `insertEvents` judges it: a repeat of the same generated id first, then the key, then an id of the caller's. */
function earlierOf({ event: { event, idGiven, hash } }: InsertEventInInput, found: Found): TxInsertResult | null {
  const { seenhash = null, seentenant = null, takenby = null, takenhash = null } = found
  if (seentenant !== null && !idGiven) return { status: 'duplicate', eventId: event.id }
  if (takenby !== null) return { status: takenhash === hash ? 'duplicate' : 'conflict', eventId: takenby }
  if (seentenant === null) return null
  const same = seenhash === hash && seentenant === event.tenant
  return { status: same ? 'duplicate' : 'conflict', eventId: event.id }
}

function named(sql: string, { schema, tablePrefix }: Settings): string {
  return sql.replace(/\{([a-z_]+)\}/g, (_, name: string) => `"${schema}"."${tablePrefix}${name}"`)
}
