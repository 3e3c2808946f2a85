import { join } from 'node:path'
import { runDemo } from '../demo/run-demo.ts'
import { journalStorage } from './index.ts'

/** The demo on this storage: `npx tsx examples/custom-storage/run-demo.ts`. */
await runDemo((folder) => journalStorage({ path: join(folder, 'webhooks.journal') }))
