import { join } from 'node:path'
import { sqlite } from 'hookferry/sqlite'
import { runDemo } from './demo/run-demo.ts'

/** `npm run demo`. */
await runDemo((folder) => sqlite({ path: join(folder, 'webhooks.db') }))
