import { afterEach, describe, expect, it } from 'vitest'
import type { SenderOptions } from '../../../src/options.ts'
import type { Transport } from '../../../src/ports/transport.ts'
import { createTestSender } from '../../../src/testing/test-sender.ts'
import { type Rig, rig, stopAll, tampered, URL_OK } from '../engine/rig.ts'

/** Functions and parts of the host's own that do what they may not: the delivery goes by its schedule all the same. */

afterEach(stopAll)

async function outcomes(options: SenderOptions): Promise<{ made: Rig; outcomes: string[] }> {
  const made = rig({ retry: { delaysMs: [1_000] }, ...options })
  made.transport.reply(500)
  await made.sender.endpoints.create({ url: URL_OK })
  await made.sender.send({ type: 'a', data: 1 })
  await made.sender.drain({ until: new Date(made.clock.now() + 86_400_000) })
  const [delivery] = (await made.sender.deliveries.list()).items
  expect(delivery).toMatchObject({ state: 'failed', reason: 'attempts_exhausted' })
  const attempts = await made.sender.deliveries.attempts(delivery?.id ?? '')
  return { made, outcomes: attempts.items.map(({ outcome }) => outcome) }
}

it('an answer of retry.decide that throws when it is read counts as default', async () => {
  const decide = (() => ({
    get delayMs() {
      throw new Error('not to be read')
    },
  })) as never
  const { made, outcomes: seen } = await outcomes({ retry: { delaysMs: [1_000], decide } })
  expect(seen).toEqual(['rejected', 'rejected'])
  expect(made.errors[0]).toMatchObject({ context: expect.stringContaining('retry.decide') })
})

describe('a transport that answers with what is no response: a failed connection', () => {
  const body = new Uint8Array()
  const rest = { remoteAddress: null, timings: {} }
  it.each([
    ['nothing', undefined],
    ['no headers', { status: 500, body, ...rest }],
    ['headers that are no strings', { status: 500, headers: { 'retry-after': 12 }, body, ...rest }],
    ['a body of text', { status: 200, headers: {}, body: 'text', ...rest }],
    ['a status of text', { status: '200', headers: {}, body, ...rest }],
  ])('%s', async (_name, response) => {
    const transport = { name: 'odd', send: async () => response, close: async () => {} } as unknown as Transport
    const { outcomes: seen } = await outcomes({ transport })
    expect(seen).toEqual(['connection_failed', 'connection_failed'])
  })
})

it('a transport that can not be closed does not keep the storage open', async () => {
  const transport: Transport = {
    name: 'stuck',
    send: async () => Promise.reject(new Error('unused')),
    close: async () => Promise.reject(new Error('will not close')),
  }
  const storage = tampered()
  const { sender } = createTestSender({ transport, storage })
  await sender.health()
  await expect(sender.stop()).rejects.toThrow('will not close')
  expect(storage.calls.get('close')).toBe(1)
})
