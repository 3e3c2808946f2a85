import type { Migration } from './migration.ts'

/**
 * The first schema. Integer keys inside; keys that stand in cursors or public ids are never reused (AUTOINCREMENT). Wide
 * columns stand last, so that the narrow ones are read without them. States of deliveries are the numbers of `rows.ts`.
 */
export const initial: Migration = {
  version: 1,
  sql: `
    INSERT INTO {meta} (name, value) VALUES ('turn', 0);

    CREATE TABLE {tenant} (
      key INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      -- Counts the changes of its set of endpoints.
      version INTEGER NOT NULL DEFAULT 0,
      -- Its place in line: the lowest ready_at of its lanes, but not before it was last claimed from.
      ready_at INTEGER,
      claimed_at INTEGER NOT NULL DEFAULT 0,
      -- Which claim of all that was: decides between those of one moment.
      claimed_turn INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX {tenant_ready} ON {tenant} (ready_at, claimed_turn) WHERE ready_at IS NOT NULL;

    CREATE TABLE {endpoint} (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      tenant_key INTEGER NOT NULL,
      created_version INTEGER NOT NULL,
      -- The tenant's version at which it last changed.
      version INTEGER NOT NULL,
      url_version INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      deleted_at INTEGER,
      url TEXT NOT NULL,
      event_types TEXT,
      description TEXT,
      overrides TEXT,
      metadata TEXT,
      headers TEXT,
      secrets TEXT NOT NULL
    );
    CREATE INDEX {endpoint_by_version} ON {endpoint} (tenant_key, version);
    CREATE INDEX {endpoint_by_tenant} ON {endpoint} (tenant_key, created_at) WHERE deleted_at IS NULL;
    CREATE INDEX {endpoint_by_creation} ON {endpoint} (created_at) WHERE deleted_at IS NULL;

    CREATE TABLE {lane} (
      endpoint_key INTEGER PRIMARY KEY,
      tenant_key INTEGER NOT NULL,
      -- Of an open lane with something pending: its place in line. Null otherwise.
      ready_at INTEGER,
      -- Of a held lane with something pending: since when its oldest delivery is held; -1 once deleted. Null otherwise.
      hold_at INTEGER,
      blocked_until INTEGER NOT NULL DEFAULT 0,
      deferred_until INTEGER NOT NULL DEFAULT 0,
      claimed_at INTEGER NOT NULL DEFAULT 0,
      claimed_turn INTEGER NOT NULL DEFAULT 0,
      -- Since when it is not active.
      held_since INTEGER,
      deleted INTEGER NOT NULL DEFAULT 0,
      failing_since INTEGER,
      failures INTEGER NOT NULL DEFAULT 0,
      recovered_at INTEGER,
      last_failure_at INTEGER,
      struggling INTEGER NOT NULL DEFAULT 0,
      warned INTEGER NOT NULL DEFAULT 0,
      state_changed_at INTEGER NOT NULL,
      state TEXT NOT NULL,
      state_reason TEXT
    );
    CREATE INDEX {lane_ready} ON {lane} (tenant_key, ready_at, claimed_turn) WHERE ready_at IS NOT NULL;
    CREATE INDEX {lane_hold} ON {lane} (hold_at) WHERE hold_at IS NOT NULL;

    CREATE TABLE {event} (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      tenant_key INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      occurred_at INTEGER NOT NULL,
      deliver_at INTEGER NOT NULL,
      canceled_at INTEGER,
      -- 1: its fan-out is over and it has no deliveries.
      bare INTEGER NOT NULL DEFAULT 0,
      fan_version INTEGER NOT NULL,
      -- Endpoints up to this one have their deliveries; null: all have.
      fan_cursor TEXT,
      -- 1: an earlier event of its tenant and ordering key is still being fanned out.
      fan_waits INTEGER NOT NULL DEFAULT 0,
      type TEXT NOT NULL,
      ordering_key TEXT,
      idempotency_key TEXT,
      -- Of the caller's arguments; kept where the id is the caller's own.
      hash TEXT,
      content_type TEXT NOT NULL,
      -- Those that the caller addressed, as JSON; null: all that match.
      endpoint_ids TEXT,
      headers TEXT,
      metadata TEXT,
      body BLOB NOT NULL
    );
    CREATE INDEX {event_by_tenant} ON {event} (tenant_key, created_at);
    CREATE INDEX {event_by_creation} ON {event} (created_at);
    CREATE INDEX {event_bare} ON {event} (created_at) WHERE bare = 1;
    CREATE INDEX {event_fan_out} ON {event} (created_at) WHERE fan_cursor IS NOT NULL AND fan_waits = 0;
    CREATE INDEX {event_fan_turns} ON {event} (tenant_key, ordering_key)
      WHERE fan_cursor IS NOT NULL AND ordering_key IS NOT NULL;

    CREATE TABLE {idempotency} (
      tenant_key INTEGER NOT NULL,
      key TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      hash TEXT NOT NULL,
      PRIMARY KEY (tenant_key, key)
    ) WITHOUT ROWID;
    CREATE INDEX {idempotency_expiry} ON {idempotency} (expires_at);

    CREATE TABLE {delivery} (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      event_key INTEGER NOT NULL,
      endpoint_key INTEGER NOT NULL,
      tenant_key INTEGER NOT NULL,
      state INTEGER NOT NULL,
      claim INTEGER NOT NULL,
      round INTEGER NOT NULL DEFAULT 1,
      step INTEGER NOT NULL DEFAULT 0,
      lost INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      ended_at INTEGER,
      leased_at INTEGER,
      lease_until INTEGER,
      -- The replay that requeued it last, or the backfill that wrote it.
      replay_key INTEGER,
      -- Of a leased one: 'event_canceled', when its event was canceled meanwhile.
      reason TEXT,
      worker TEXT,
      -- Null: it takes no turns, by its event, since a replay or from a backfill.
      ordering_key TEXT,
      UNIQUE (event_key, endpoint_key)
    );
    CREATE INDEX {delivery_pending} ON {delivery} (endpoint_key, due_at) WHERE state = 0;
    CREATE INDEX {delivery_waiting} ON {delivery} (endpoint_key, due_at) WHERE state = 5;
    CREATE INDEX {delivery_turns} ON {delivery} (endpoint_key, ordering_key)
      WHERE ordering_key IS NOT NULL AND state IN (0, 1, 5);
    CREATE INDEX {delivery_leased} ON {delivery} (lease_until) WHERE state = 1;
    CREATE INDEX {delivery_by_event} ON {delivery} (event_key, created_at);
    CREATE INDEX {delivery_by_endpoint} ON {delivery} (endpoint_key, created_at);
    CREATE INDEX {delivery_by_tenant} ON {delivery} (tenant_key, created_at);
    CREATE INDEX {delivery_by_creation} ON {delivery} (created_at);
    CREATE INDEX {delivery_failed_by_endpoint} ON {delivery} (endpoint_key, created_at) WHERE state = 3;
    CREATE INDEX {delivery_failed_by_tenant} ON {delivery} (tenant_key, created_at) WHERE state = 3;
    CREATE INDEX {delivery_delivered_end} ON {delivery} (ended_at) WHERE state = 2;
    CREATE INDEX {delivery_failed_end} ON {delivery} (ended_at) WHERE state IN (3, 4);
    CREATE INDEX {delivery_replay} ON {delivery} (replay_key, state) WHERE replay_key IS NOT NULL;

    CREATE TABLE {attempt} (
      key INTEGER PRIMARY KEY,
      delivery_key INTEGER NOT NULL,
      number INTEGER NOT NULL,
      round INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      duration_ms INTEGER,
      status INTEGER,
      outcome TEXT NOT NULL,
      remote_address TEXT,
      timings TEXT,
      error TEXT,
      url TEXT NOT NULL,
      request_headers TEXT,
      response_headers TEXT,
      response_body BLOB,
      UNIQUE (delivery_key, number)
    );

    CREATE TABLE {replay} (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      state TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      ended_at INTEGER,
      per_second REAL,
      total INTEGER NOT NULL,
      requeued INTEGER NOT NULL DEFAULT 0,
      skipped INTEGER NOT NULL DEFAULT 0,
      -- The delivery visited last, or the event of a backfill, by creation and key.
      cursor_at INTEGER NOT NULL DEFAULT -1,
      cursor_key INTEGER NOT NULL DEFAULT 0,
      -- Those beyond either were made later.
      bound_at INTEGER NOT NULL,
      bound_key INTEGER NOT NULL,
      -- Of the selection: there need not be one.
      tenant TEXT,
      selection TEXT NOT NULL
    );
    CREATE INDEX {replay_by_tenant} ON {replay} (tenant, created_at) WHERE tenant IS NOT NULL;
    CREATE INDEX {replay_by_creation} ON {replay} (created_at);
    CREATE INDEX {replay_running} ON {replay} (created_at) WHERE state = 'running';
    CREATE INDEX {replay_ended} ON {replay} (ended_at) WHERE ended_at IS NOT NULL;
  `,
}
