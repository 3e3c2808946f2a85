/** A host that makes orders in transactions of its own, an event in each, takes half of them back, and is killed. */
import { writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { config } from './report.ts'

/** The transactions of one life, by their numbers; `dieAt` of them is the last to begin. */
export interface HostConfig {
  path: string
  from: number
  to: number
  /** Null: from outside, or not at all. */
  dieAt: number | null
  dieWhen: 'row written' | 'event written' | 'committed'
}

const { path, from, to, dieAt, dieWhen } = config<HostConfig>()
const db = new Database(path)
const sender = createWebhookSender({ storage: sqlite({ path }) })
await sender.health()

const insertRow = db.prepare('INSERT INTO orders (n) VALUES (?)')
const nameEvent = db.prepare('UPDATE orders SET event_id = ? WHERE n = ?')

const order = db.transaction((n: number) => {
  insertRow.run(n)
  point(n, 'row written')
  const event = { type: 'order.made', data: { n }, ...(n % 3 === 0 ? { idempotencyKey: `order ${n}` } : {}) }
  const { id } = sender.sendIn(db, event)
  nameEvent.run(id, n)
  point(n, 'event written')
  if (n % 2 === 1) throw new Error('taken back')
})

for (let n = from; n < to; n++) {
  say('begun', n)
  const isCommitted = make(n)
  point(n, 'committed')
  say(isCommitted ? 'committed' : 'rolled-back', n)
}
await sender.stop()
db.close()

/** False: taken back. While others write it waits for its turn, like any host. */
function make(n: number): boolean {
  for (;;) {
    try {
      order.immediate(n)
      return true
    } catch (error) {
      if ((error as Error).message === 'taken back') return false
      if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
    }
  }
}

function point(n: number, when: HostConfig['dieWhen']): void {
  if (n === dieAt && when === dieWhen) process.kill(process.pid, 'SIGKILL')
}

/** Has left this process when it returns. */
function say(what: string, n: number): void {
  const bytes = Buffer.from(`${what} ${n}\n`)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      // A full pipe: the reader is behind.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
