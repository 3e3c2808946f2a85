// The options that services change most often, for the whole sender and for one endpoint.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { scratch } from './support/scratch.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const folder = await scratch()
const path = folder.path('webhooks.db')

// #region sender
const sender = createWebhookSender({
  storage: sqlite({ path }),
  retry: { delaysMs: [10 * SECOND, MINUTE, 10 * MINUTE], jitter: 0.3 }, // four attempts in all
  disable: { afterMs: 2 * DAY, minFailures: 50 },
  hold: { maxAgeMs: 14 * DAY },
  concurrency: { total: 200, perEndpoint: 5 }, // in each process
  attempt: { deadlineMs: 10 * SECOND },
  network: { allowRanges: ['10.20.0.0/16'], denyRanges: ['10.20.1.0/24'] },
  retention: { deliveredMs: 3 * DAY, failedMs: 90 * DAY },
})
// #endregion

// #region endpoint
const endpoint = await sender.endpoints.create({
  url: 'https://10.20.0.7/webhooks',
  eventTypes: ['invoice.*', 'user.**'],
  headers: { authorization: 'Bearer of-the-customers-own-gateway' },
  retry: { delaysMs: [MINUTE] }, // jitter stays that of the sender
  concurrency: 1,
  rateLimit: { limit: 10, perMs: SECOND },
})
await sender.endpoints.update(endpoint.id, { rateLimit: null, retry: { delaysMs: null } }) // the sender's again
// #endregion

const updated = await sender.endpoints.get(endpoint.id)
assert.deepEqual([updated?.rateLimit, updated?.retry, updated?.concurrency], [undefined, undefined, 1])
await assert.rejects(sender.endpoints.create({ url: 'https://10.20.1.7/' }), { code: 'endpoint_address_blocked' })
await assert.rejects(sender.endpoints.create({ url: 'https://127.0.0.1/' }), { code: 'endpoint_address_blocked' })
await assert.rejects(sender.endpoints.create({ url: 'http://10.20.0.7/' }), { code: 'endpoint_url_invalid' })
console.log(`${endpoint.id} has settings of its own; private addresses outside of the allowed range are refused`)

await sender.stop()
await folder.remove()
