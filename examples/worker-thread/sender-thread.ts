// The worker thread: the whole of the sender that delivers. Signatures, TLS, requests and the database stay off the host's event loop.

import { parentPort, workerData } from 'node:worker_threads'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'

// #region thread
const sender = createWebhookSender({
  storage: sqlite({ path: workerData.path }),
  // So that a receiver on your own machine can be tried; leave it out in production.
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8', '::1/128'] },
})
await sender.start()

parentPort?.once('message', () => sender.stop()) // then nothing keeps the thread, and it ends
// #endregion
