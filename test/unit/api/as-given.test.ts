import { afterEach, describe, expect, it } from 'vitest'
import { defineEvents, event, type SchemaResult, type StandardSchema } from '../../../src/catalog.ts'
import type { SenderOptions } from '../../../src/options.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import { type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'
import { TX, transactional } from '../engine/transactional.ts'

/** What counts is what an argument was when the call was made: the caller may go on to use it. */

afterEach(stopAll)

async function body({ sender }: Pick<Rig, 'sender'>, id: string): Promise<string> {
  return new TextDecoder().decode((await sender.events.get(id))?.body)
}
const dataOf = async (made: Pick<Rig, 'sender'>, id: string) => JSON.parse(await body(made, id)).data

/** Each as the first call, which waits for the storage to be opened. */
function senders(): [string, () => Rig][] {
  const sendIn = (options: SenderOptions = {}) => {
    const storage: Storage = transactional()
    const made = rig({ ...options, storage })
    const { sendIn: call } = made.sender as unknown as { sendIn: (tx: string, event: unknown) => Promise<unknown> }
    return { ...made, sender: { ...made.sender, send: ((given: unknown) => call(TX, given)) as Rig['sender']['send'] } }
  }
  return [
    ['send', () => rig()],
    ['sendIn', () => sendIn()],
  ]
}

describe.each(senders())('%s', (_name, create) => {
  it('keeps data, bytes, headers, metadata and times as they were', async () => {
    const made = create()
    const data = { n: 1, deep: { list: [1] } }
    const bytes = new TextEncoder().encode('aaa')
    const occurredAt = new Date(1_000)
    const more = { headers: { 'x-a': '1' }, metadata: { plan: 'gold' }, occurredAt }
    const first = made.sender.send({ type: 'a', data, ...more })
    const second = made.sender.send({ type: 'a', body: bytes, contentType: 'text/plain' })
    data.n = 2
    data.deep.list.push(2)
    bytes.fill(0x7a)
    more.headers['x-a'] = '2'
    more.metadata.plan = 'none'
    occurredAt.setTime(9_000)
    const { id } = await first
    expect(await dataOf(made, id)).toEqual({ n: 1, deep: { list: [1] } })
    expect(await made.sender.events.get(id)).toMatchObject({ headers: { 'x-a': '1' }, metadata: { plan: 'gold' } })
    expect((await made.sender.events.get(id))?.occurredAt).toEqual(new Date(1_000))
    expect(await body(made, (await second).id)).toBe('aaa')
  })
})

it('send serialises what has no schema once', async () => {
  let calls = 0
  await rig().sender.send({ type: 'a', data: { toJSON: () => ++calls } })
  expect(calls).toBe(1)
})

it('send keeps the input of a schema as it was for the idempotency, and its output as it was answered', async () => {
  const output = { made: 1 }
  let answer: () => void = () => {}
  const late: StandardSchema<{ n: number }, { made: number }> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: () =>
        new Promise<SchemaResult<{ made: number }>>((resolve) => {
          answer = () => resolve({ value: output })
        }),
    },
  }
  const made = rig({ events: defineEvents({ a: event(late) }) })
  const data = { n: 1 }
  const first = made.sender.send({ type: 'a', data, idempotencyKey: 'k' })
  data.n = 2
  answer()
  const { id } = await first
  output.made = 2
  expect(await dataOf(made, id)).toEqual({ made: 1 })
  const again = made.sender.send({ type: 'a', data: { n: 1 }, idempotencyKey: 'k' })
  answer()
  expect(await again).toMatchObject({ id, duplicate: true })
})

it('endpoints.test sends the data that it was given', async () => {
  const { sender, requests } = rig()
  const { id } = await sender.endpoints.create({ url: URL_OK })
  const data = { n: 1 }
  const testing = sender.endpoints.test(id, { data })
  data.n = 2
  await testing
  expect(JSON.parse(new TextDecoder().decode(requests[0]?.body)).data).toEqual({ n: 1 })
})

it('endpoints.create and update keep what they were given', async () => {
  const { sender } = rig()
  const input = {
    url: URL_OK,
    eventTypes: ['a'],
    headers: { 'x-a': '1' },
    metadata: { plan: 'gold' },
    retry: { delaysMs: [0, 1_000] },
    attempt: { deadlineMs: 1_000 },
    rateLimit: { limit: 1, perMs: 1_000 },
  }
  const change = (value: typeof input) => {
    value.url = 'https://example.com/other'
    value.eventTypes.push('b')
    value.headers['x-a'] = '2'
    value.metadata.plan = 'none'
    value.retry.delaysMs.push(2_000)
    value.attempt.deadlineMs = 2_000
    value.rateLimit.limit = 2
  }
  const given = structuredClone(input)
  const shape = { url: URL_OK, eventTypes: ['a'], metadata: { plan: 'gold' }, retry: { delaysMs: [0, 1_000] } }
  const whole = { ...shape, attempt: { deadlineMs: 1_000 }, rateLimit: { limit: 1, perMs: 1_000 } }
  const creating = sender.endpoints.create(given)
  change(given)
  const { id } = await creating
  expect(await sender.endpoints.get(id)).toMatchObject(whole)

  await sender.endpoints.update(id, {
    url: 'https://example.com/second',
    eventTypes: null,
    retry: null,
    rateLimit: null,
  })
  const patch = structuredClone(input)
  const updating = sender.endpoints.update(id, patch)
  change(patch)
  await updating
  expect(await sender.endpoints.get(id)).toMatchObject(whole)
})

it('send takes an explicit undefined for what it was not given', async () => {
  const made = rig()
  // A host without exactOptionalPropertyTypes may write so.
  const send = made.sender.send as unknown as (event: object) => ReturnType<Rig['sender']['send']>
  const { id } = await send({ type: 'a', data: 1, body: undefined, contentType: undefined })
  expect(await dataOf(made, id)).toBe(1)
  const raw = { type: 'a', body: new Uint8Array([97]), contentType: 'text/plain', data: undefined }
  expect(await body(made, (await send(raw)).id)).toBe('a')
})
