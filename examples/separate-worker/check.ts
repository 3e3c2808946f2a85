// Two processes on one file: the web process accepts, the worker delivers, and neither needs the other to be there.

import assert from 'node:assert/strict'
import { startReceiver } from '../support/receiver.ts'
import { scratch } from '../support/scratch.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()
const environment = { WEBHOOKS_DB: folder.path('webhooks.db'), PORT: '0' }
process.env.WEBHOOKS_DB = environment.WEBHOOKS_DB

const { createSender } = await import('./sender.ts')
const operator = createSender() // a third one, such as a script
await operator.endpoints.create({ url: receiver.url })

const program = (file: string) => startService(new URL(file, import.meta.url), environment)
const web = await program('web.ts')
const pay = async (invoice: string) => {
  const response = await fetch(`${web.ready}/invoices/${invoice}/pay`, { method: 'POST' })
  assert.equal(response.status, 202)
}
const delivered = (count: number) =>
  until(async () => (await operator.deliveries.list({ state: 'delivered' })).items.length === count)

// Nobody delivers yet: it is kept.
await pay('inv_1')
const health = await fetch(`${web.ready}/health`)
assert.equal(health.status, 200)
assert.equal(((await health.json()) as { pending: number }).pending, 1)
assert.equal(receiver.count, 0)

const worker = await program('worker.ts')
await delivered(1)

// What is accepted now is delivered at once, and what is accepted while the worker is away is delivered by the next one.
await pay('inv_2')
await delivered(2)
await worker.stop()
await pay('inv_3')
assert.equal(receiver.count, 2)
const next = await program('worker.ts')
await delivered(3)

// Even when it dies without a word.
await next.kill()
await pay('inv_4')
const last = await program('worker.ts')
await delivered(4)

await Promise.all([web.stop(), last.stop()])
assert.equal(receiver.count, 4)
console.log('one process accepted, another delivered, and a third one looked on')

await operator.stop()
await receiver.close()
await folder.remove()
