import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { publish } from '../report.ts'
import { fill, NETWORK, NO_HTTP, withFile } from './fill.ts'
import { type Watched, watched } from './watch.ts'

/**
 * `tsx test/bench/scale/prune.ts [events]`: what retention does to the event loop while it removes a million rows, with the database in
 * this thread and in one of its own, which is that of the package as built: `npm run build` before.
 */

const EVENTS = Number(process.argv[2] ?? 450_000)
const DAY_MS = 86_400_000
const SPAN_MS = 30 * DAY_MS
/** Those from before the retention of what was delivered, with some room for the time that the run itself takes. */
const OVER = Math.floor((EVENTS * (SPAN_MS - 7 * DAY_MS)) / SPAN_MS) - 10
/** An event, a delivery and an attempt each. */
const ROWS = 3 * OVER

const FILLING = {
  tenants: 10,
  endpoints: 1_000,
  events: EVENTS,
  perEvent: 1,
  state: '2',
  spanMs: SPAN_MS,
  bodyBytes: 1_024,
  attempts: true,
}

interface Pruned extends Watched {
  syncMs: number
}

function prune(thread: boolean): Promise<Pruned> {
  return withFile(async (path) => {
    await fill(path, FILLING)
    const syncMs = longestSyncMs(path)
    const db = new Database(path, { readonly: true })
    // Events go last, the oldest first.
    const last = db.prepare('SELECT 1 FROM hookferry_event WHERE key = ?')
    const sender = createWebhookSender({ storage: sqlite({ path, thread }), transport: NO_HTTP, network: NETWORK })
    await sender.health()
    const result = await watched(async () => {
      await sender.start()
      while (last.get(OVER) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    })
    await sender.stop()
    db.close()
    return { ...result, syncMs }
  })
}

/** The longest that the disk itself takes for a commit: nothing that commits in this thread stalls it for less. */
function longestSyncMs(path: string): number {
  const file = openSync(`${path}-sync`, 'w')
  const page = Buffer.alloc(64 * 1_024, 1)
  let longest = 0
  for (let count = 0; count < 2_000; count++) {
    writeSync(file, page, 0, page.length, (count % 64) * page.length)
    const began = performance.now()
    fdatasyncSync(file)
    longest = Math.max(longest, performance.now() - began)
  }
  closeSync(file)
  return longest
}

const inThread = await prune(true)
const here = await prune(false)
const target = { atMost: 20 }

publish('scale-prune', {
  title: `Pruning ${ROWS.toLocaleString('en')} rows`,
  command: 'npm run bench:scale',
  setting: { storage: 'SQLite at synchronous=FULL', rows: ROWS, 'rows kept': 3 * (EVENTS - OVER) },
  figures: [
    { label: 'longest stall of the event loop, thread: true', value: inThread.stallMs, unit: 'ms', target },
    { label: 'longest stall of the event loop, thread: false', value: here.stallMs, unit: 'ms', target },
    {
      label: 'the longest of 2,000 bare fdatasync of 64 KB on the same disk',
      value: Math.max(inThread.syncMs, here.syncMs),
      unit: 'ms',
    },
    { label: 'rows a second, thread: true', value: ROWS / inThread.seconds, unit: '/s' },
    { label: 'rows a second, thread: false', value: ROWS / here.seconds, unit: '/s' },
  ],
})
