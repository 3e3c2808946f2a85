import type { AttemptRecord } from '../../model/attempt.ts'
import type { Connection } from './connection.ts'
import { textOf } from './rows.ts'

export function insertAttempt(db: Connection, deliveryKey: number, attempt: AttemptRecord): void {
  const { timings } = attempt
  db.run(
    `INSERT INTO {attempt} (delivery_key, number, round, started_at, duration_ms, status, outcome, remote_address,
      timings, error, url, request_headers, response_headers, response_body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    deliveryKey,
    attempt.number,
    attempt.round,
    attempt.startedAt,
    attempt.durationMs,
    attempt.status,
    attempt.outcome,
    attempt.remoteAddress,
    // Without their names, which would take more room than the figures.
    timings && JSON.stringify([timings.dnsMs, timings.connectMs, timings.tlsMs, timings.headersMs, timings.bodyMs]),
    attempt.error && JSON.stringify(attempt.error),
    attempt.url,
    textOf(attempt.requestHeaders),
    textOf(attempt.responseHeaders),
    attempt.responseBody,
  )
}
