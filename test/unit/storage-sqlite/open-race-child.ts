/** Opens a storage when told to, as often as it takes, writes one endpoint and answers with what `open` said. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRetryable } from '../../../src/errors.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'

const storage = sqlite({ path: process.argv[2]! })

process.send!('ready')
await once(process, 'message')
const opened = await insist(() => storage.open({ now: 1 }))
await insist(() =>
  storage.createEndpoint({
    now: 1,
    endpoint: {
      id: `ep_${process.pid}`,
      tenant: 'acme',
      url: 'https://example.com',
      eventTypes: null,
      description: null,
      headers: {},
      secrets: [],
      overrides: {},
      metadata: {},
    },
  }),
)
await insist(() => storage.close())
process.send!(opened)
process.disconnect()

async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error)) throw error
      await sleep(5)
    }
  }
}
