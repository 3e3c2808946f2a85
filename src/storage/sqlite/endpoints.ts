import type { EndpointRecord, EndpointSecret, EndpointSettings, EndpointState } from '../../model/endpoint.ts'
import type { Connection } from './connection.ts'
import type { Value } from './driver.ts'
import { type Health, healthOf } from './health.ts'
import { objectOf, textOf } from './rows.ts'

export interface EndpointRow extends Health {
  key: number
  tenantKey: number
  id: string
  tenant: string
  createdVersion: number
  urlVersion: number
  createdAt: number
  updatedAt: number
  deletedAt: number | null
  state: EndpointState
  stateReason: string | null
  stateChangedAt: number
  url: string
  eventTypes: string | null
  description: string | null
  overrides: string | null
  metadata: string | null
  headers: string | null
  secrets: string
}

export const ENDPOINT_COLUMNS = `
  p.key, p.tenant_key AS tenantKey, p.id, t.name AS tenant, p.created_version AS createdVersion,
  p.url_version AS urlVersion, p.created_at AS createdAt, p.updated_at AS updatedAt, p.deleted_at AS deletedAt,
  l.state, l.state_reason AS stateReason, l.state_changed_at AS stateChangedAt, l.failing_since AS failingSince,
  l.failures, l.recovered_at AS recoveredAt, l.last_failure_at AS lastFailureAt, l.struggling, l.warned,
  p.url, p.event_types AS eventTypes, p.description, p.overrides, p.metadata, p.headers, p.secrets`

/** Joined to each endpoint `p`. */
export const ENDPOINT_JOINED = `
  CROSS JOIN {lane} AS l ON l.endpoint_key = p.key CROSS JOIN {tenant} AS t ON t.key = p.tenant_key`

/** A deleted one, too. */
export function findAnyEndpoint(db: Connection, id: string): EndpointRow | undefined {
  return db.get<EndpointRow>(`SELECT ${ENDPOINT_COLUMNS} FROM {endpoint} AS p ${ENDPOINT_JOINED} WHERE p.id = ?`, id)
}

/** `tenant` null: whatever its tenant. */
export function findEndpoint(
  db: Connection,
  { id, tenant }: { id: string; tenant: string | null },
): EndpointRow | undefined {
  const row = findAnyEndpoint(db, id)
  if (row === undefined || row.deletedAt !== null) return undefined
  return tenant === null || tenant === row.tenant ? row : undefined
}

export function endpointOf(row: EndpointRow): EndpointRecord {
  return {
    id: row.id,
    tenant: row.tenant,
    url: row.url,
    eventTypes: row.eventTypes === null ? null : (JSON.parse(row.eventTypes) as string[]),
    description: row.description,
    headers: objectOf(row.headers),
    secrets: JSON.parse(row.secrets) as EndpointSecret[],
    overrides: objectOf(row.overrides),
    metadata: objectOf(row.metadata),
    urlVersion: row.urlVersion,
    state: row.state,
    stateReason: row.stateReason,
    stateChangedAt: row.stateChangedAt,
    health: healthOf(row),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    createdVersion: row.createdVersion,
  }
}

/** The settings as columns, in the order of `SETTINGS_COLUMNS`. */
export function settingsValues(settings: EndpointSettings): Value[] {
  return [
    settings.url,
    settings.eventTypes && JSON.stringify(settings.eventTypes),
    settings.description,
    textOf(settings.overrides),
    textOf(settings.metadata),
    textOf(settings.headers),
    JSON.stringify(settings.secrets),
  ]
}

export const SETTINGS_COLUMNS = 'url, event_types, description, overrides, metadata, headers, secrets'
