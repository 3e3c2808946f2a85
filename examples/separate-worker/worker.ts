// The worker process: it delivers, and does nothing else. One is enough, a second one is for the day when the first dies.

import { createSender } from './sender.ts'

// #region worker
const sender = createSender()
sender.on('error', ({ error, context }) => console.error(context, error))
sender.on('endpoint.disabled', ({ tenant, endpointId }) => console.error(`${tenant}: ${endpointId} was disabled`))

await sender.start() // keeps the process running
console.log('delivering')

process.once('SIGTERM', () => sender.stop()) // attempts under way come to their end; then nothing keeps it running
// #endregion
