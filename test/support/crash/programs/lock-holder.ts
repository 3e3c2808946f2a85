/** Another program that writes to the same file, for far too long. */
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { config, onCommand, report } from './report.ts'

const { path, holdMs } = config<{ path: string; holdMs: number }>()
onCommand(() => {})
const db = new Database(path, { timeout: 5_000 })
db.exec('BEGIN IMMEDIATE')
report({ is: 'locked', at: Date.now() })
await sleep(holdMs)
report({ is: 'released', at: Date.now() })
db.exec('ROLLBACK')
db.close()
process.disconnect()
