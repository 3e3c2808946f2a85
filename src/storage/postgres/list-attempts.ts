import type { AttemptError, AttemptRecord, AttemptTimings, Outcome } from '../../model/attempt.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { AttemptQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { objectOf } from './rows.ts'

interface AttemptRow {
  number: number
  round: number
  startedAt: number
  durationMs: number | null
  status: number | null
  outcome: Outcome
  remoteAddress: string | null
  timings: string | null
  error: string | null
  url: string
  requestHeaders: string | null
  responseHeaders: string | null
  responseBody: Uint8Array | null
}

export async function listAttempts(
  db: Connection,
  { deliveryId, limit, examine, after }: AttemptQuery,
): Promise<Page<AttemptRecord>> {
  const count = Math.min(limit, examine)
  const rows = await db.all<AttemptRow>(
    `SELECT number, round, started_at AS "startedAt", duration_ms AS "durationMs", status, outcome,
      remote_address AS "remoteAddress", timings, error, url, request_headers AS "requestHeaders",
      response_headers AS "responseHeaders", response_body AS "responseBody"
    FROM {attempt} WHERE delivery_key = $1 AND number > $2 ORDER BY number LIMIT $3`,
    deliveryKey(deliveryId),
    after?.key ?? 0,
    count + 1,
  )
  const items = rows.slice(0, count).map(attemptOf)
  const last = rows.length > count ? items.at(-1) : undefined
  return { items, next: last === undefined ? null : { at: last.startedAt, key: last.number } }
}

function attemptOf({ timings, error, requestHeaders, responseHeaders, ...rest }: AttemptRow): AttemptRecord {
  return {
    ...rest,
    requestHeaders: objectOf(requestHeaders),
    responseHeaders: objectOf(responseHeaders),
    timings: timings === null ? null : timingsOf(JSON.parse(timings)),
    error: error === null ? null : (JSON.parse(error) as AttemptError),
  }
}

type Figure = number | null

function timingsOf([dnsMs, connectMs, tlsMs, headersMs, bodyMs]: [
  Figure,
  Figure,
  Figure,
  Figure,
  Figure,
]): AttemptTimings {
  return { dnsMs, connectMs, tlsMs, headersMs, bodyMs }
}
