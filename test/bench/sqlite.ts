import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sqlite } from 'hookferry/sqlite'
import { bareCommits, bareInserts } from './bare-sqlite.ts'
import { BENCHES, bareLoop, CLIENTS, type Client } from './clients.ts'
import { quantile } from './loop.ts'
import { accepts, arrivals, endToEnd, fromBacklog, sendsAlone } from './measures.ts'
import type { Definition, Measured } from './medians.ts'
import type { Sink } from './sink-process.ts'

/** The measurements on SQLite files at synchronous=FULL. The two sides of a ratio are measured one right after the other. */

export const IN_FLIGHT = 256
/** Full turns of the bench take these; a shorter form takes a part of them. */
const ACCEPTS = 25_600
const ONE_BY_ONE = 300

export interface Form {
  thread: boolean
  /** Of the counts, 0 to 1. */
  share: number
  /** Ratios alone leave out what goes event by event. */
  ratiosOnly: boolean
}

export const RATIOS: Definition[] = [
  ...CLIENTS.flatMap((client): Definition[] => {
    const { closed, backlog } = BENCHES[client].targets
    return [
      [
        `${client} closed`,
        `end to end, closed loop, ${client}: share of the bare loop`,
        undefined,
        { atLeast: closed },
      ],
      [
        `${client} backlog`,
        `end to end, from a backlog, ${client}: share of the bare loop`,
        undefined,
        { atLeast: backlog },
      ],
    ]
  }),
  ['accepts share', 'durable accepts: share of bare grouped inserts of the same rows', undefined, { atLeast: 0.5 }],
]

export const ABSOLUTE: Definition[] = [
  ['accepts', 'durable accepts', '/s', { atLeast: 25_000 }],
  ['bare inserts', 'bare grouped inserts of the same rows', '/s'],
  ['send p50', '`send()` awaited one by one, p50', 'ms', { atMost: 0.5 }],
  ['commit p50', 'bare commit of one row of that size, p50', 'ms'],
  ...CLIENTS.flatMap((client): Definition[] => {
    const what = `from \`send()\` to the arrival of the request, idle process, ${client}`
    return [
      [`${client} arrival p50`, `${what}, p50`, 'ms', { atMost: 1 }],
      [`${client} arrival p99`, `${what}, p99`, 'ms', { atMost: 5 }],
      [`${client} chain p50`, `bare commit, then a bare request, in turns with it, ${client}, p50`, 'ms'],
      [`${client} chain p99`, `bare commit, then a bare request, in turns with it, ${client}, p99`, 'ms'],
    ]
  }),
  ['bytes', 'size per event', 'KB', { atMost: 2.5 }],
  ...CLIENTS.flatMap((client): Definition[] => [
    [`${client} closed rate`, `end to end, closed loop, ${client}`, '/s'],
    [`${client} backlog rate`, `end to end, from a backlog, accepting included, ${client}`, '/s'],
    [`${client} deliveries`, `deliveries alone, from a backlog, ${client}`, '/s'],
    [`${client} bare rate`, `bare loop, ${client}`, '/s'],
    [`${client} cpu`, `CPU per event, closed loop, ${client}`, 'µs'],
    [`${client} bare cpu`, `CPU per request, bare loop, ${client}`, 'µs'],
  ]),
]

/** One run. All files of it are gone when it resolves. */
export async function onSqlite({ thread, share, ratiosOnly }: Form, sink: Sink): Promise<Measured> {
  // Beside the repository: a temporary folder may be memory.
  mkdirSync('.cache', { recursive: true })
  const folder = mkdtempSync(join('.cache', 'bench-'))
  const path = (name: string) => join(folder, `${name}.db`)
  const load = (name: string, count: number, inFlight: number, client: Client = 'node-fetch') => {
    return { storage: sqlite({ path: path(name), thread }), client, count, inFlight }
  }
  const measured: Measured = {}
  try {
    for (const client of CLIENTS) {
      const counts = BENCHES[client].counts
      const count = Math.round(counts.ours * share)
      const bare = await bareLoop(client, Math.round(counts.bare * share), IN_FLIGHT, sink.url)
      const closed = await endToEnd(load(`${client}-closed`, count, IN_FLIGHT, client), sink)
      const backlog = await fromBacklog(load(`${client}-backlog`, count, IN_FLIGHT, client), sink)
      measured[`${client} closed`] = closed.perSecond / bare.perSecond
      measured[`${client} backlog`] = backlog.perSecond / bare.perSecond
      measured[`${client} closed rate`] = closed.perSecond
      measured[`${client} backlog rate`] = backlog.perSecond
      measured[`${client} deliveries`] = backlog.deliveriesPerSecond
      measured[`${client} bare rate`] = bare.perSecond
      measured[`${client} cpu`] = closed.cpuMicros
      measured[`${client} bare cpu`] = bare.cpuMicros
      measured.bytes = statSync(path(`${client}-closed`)).size / count / 1_000
    }
    // A file with our tables, and one event in them to copy.
    await accepts(load('bare', 1, 1), sink)
    const rows = Math.round(ACCEPTS * share)
    measured['bare inserts'] = bareInserts(path('bare'), rows)
    measured.accepts = await accepts(load('accepts', rows, IN_FLIGHT), sink)
    measured['accepts share'] = measured.accepts / measured['bare inserts']
    if (ratiosOnly) return measured
    for (const client of CLIENTS) {
      const { ours, bare } = await arrivals(
        load(`${client}-arrivals`, ONE_BY_ONE, 1, client),
        path(`${client}-bare`),
        sink,
      )
      measured[`${client} arrival p50`] = quantile(ours, 0.5)
      measured[`${client} arrival p99`] = quantile(ours, 0.99)
      measured[`${client} chain p50`] = quantile(bare, 0.5)
      measured[`${client} chain p99`] = quantile(bare, 0.99)
    }
    measured['commit p50'] = quantile(bareCommits(path('commits'), ONE_BY_ONE), 0.5)
    measured['send p50'] = quantile(await sendsAlone(load('sends', ONE_BY_ONE, 1), sink), 0.5)
    return measured
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
