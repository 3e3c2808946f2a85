import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { sqlite } from 'hookferry/sqlite'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import type { EndpointRecord } from '../../../src/model/endpoint.ts'
import type { SenderOptions } from '../../../src/options.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'
import { A_V1, A_V1A, ANOTHER_V1 } from '../signing/vectors.ts'

const folders: string[] = []
afterEach(async () => {
  vi.useRealTimers()
  await stopAll()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const [OLD, NEW] = [1, 2].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array]
const EVERYTHING = { tenant: null, states: null, changedSince: null, limit: 1_000, examine: 1_000, after: null }

let senders = 0
/** Another sender over a storage that others have written to: with chance of its own, so that its ids are its own. */
const senderOn = (storage: Storage, options: Partial<SenderOptions> = {}) =>
  rig({ storage, runtime: { random: seededRandom(senders++) }, ...options })
const create = ({ sender }: Rig, secret: string, tenant = 'default') =>
  sender.endpoints.create({ url: URL_OK, secret, tenant })
async function stored(storage: Storage): Promise<EndpointRecord[]> {
  return (await storage.listEndpoints(EVERYTHING)).items
}
const valuesOf = async (storage: Storage) =>
  (await stored(storage)).flatMap(({ secrets }) => secrets.map(({ value }) => value))

async function signedBy(made: Rig, secret: string): Promise<boolean> {
  await made.sender.send({ type: 'a', data: 1 })
  await made.sender.drain()
  const { headers, body } = made.requests.at(-1) as Rig['requests'][0]
  vi.useFakeTimers({ toFake: ['Date'], now: made.clock.now() })
  try {
    new Webhook(secret).verify(Buffer.from(body), headers)
    return true
  } catch {
    return false
  } finally {
    vi.useRealTimers()
  }
}

describe('with secretsKey', () => {
  it('storage holds no secret, and everything works as without', async () => {
    const storage = memory()
    const made = senderOn(storage, { secretsKey: OLD })
    const { id, secret } = await create(made, A_V1)
    expect(secret).toBe(A_V1)
    expect(await signedBy(made, A_V1)).toBe(true)
    const second = await made.sender.endpoints.rotateSecret(id, { secret: ANOTHER_V1 })
    expect(second.secret).toBe(ANOTHER_V1)
    expect(await signedBy(made, A_V1)).toBe(true)
    expect(await signedBy(made, ANOTHER_V1)).toBe(true)
    const { secrets } = await made.sender.endpoints.revealSecrets(id)
    expect(secrets.map(({ secret }) => secret)).toEqual([ANOTHER_V1, A_V1])
    const values = await valuesOf(storage)
    expect(values).toHaveLength(2)
    for (const value of values) expect(value).toMatch(/^sealed1\.[0-9a-f]{12}\./)
    expect(await made.sender.endpoints.update(id, { signing: ['standard-webhooks'] })).toMatchObject({ id })
    expect(made.errors).toEqual([])
  })

  it('secrets that were stored plain go on working, and are sealed by the next rotation', async () => {
    const storage = memory()
    const { id } = await create(senderOn(storage), A_V1)
    const made = senderOn(storage, { secretsKey: OLD })
    expect(await signedBy(made, A_V1)).toBe(true)
    expect(await valuesOf(storage)).toEqual([A_V1])
    await made.sender.endpoints.rotateSecret(id)
    for (const value of await valuesOf(storage)) expect(value).toMatch(/^sealed1/)
    expect(await signedBy(made, A_V1)).toBe(true)
  })
})

describe('a key that does not fit', () => {
  it.each([
    ['another one', { secretsKey: NEW }],
    ['none', {}],
  ])(
    '%s: what would sign or seal fails, clearly, each time; what is sent meanwhile is kept',
    async (_given, options) => {
      const storage = memory()
      await create(senderOn(storage, { secretsKey: OLD }), A_V1)
      const { sender, requests } = senderOn(storage, options)
      for (const call of [() => sender.start(), () => sender.drain(), () => sender.endpoints.create({ url: URL_OK })]) {
        await expect(call()).rejects.toMatchObject({ code: 'secrets_key_unknown', retryable: false })
        await expect(call()).rejects.toThrow(/ep_\w+ is sealed under the key [0-9a-f]{12}/)
      }
      await sender.send({ type: 'a', data: 1 })
      await quiet()
      expect(requests).toEqual([])
      expect(await sender.health()).toMatchObject({ pending: 1 })
      const right = senderOn(storage, { secretsKey: [NEW, OLD] })
      expect(await signedBy(right, A_V1)).toBe(true)
    },
  )

  it('of an older endpoint: its attempts are blocked and told, those of the others are not', async () => {
    const storage = memory()
    const before = senderOn(storage, { secretsKey: OLD })
    const { id } = await create(before, A_V1)
    const made = senderOn(storage, { secretsKey: [NEW, OLD], retry: { delaysMs: [] } })
    for (let count = 0; count < 20; count++) await create(made, ANOTHER_V1)
    const blind = senderOn(storage, { secretsKey: NEW, retry: { delaysMs: [] } })
    await blind.sender.send({ type: 'a', data: 1 })
    await blind.sender.drain()
    await quiet()
    expect(blind.requests).toHaveLength(20)
    const [delivery] = (await blind.sender.deliveries.list({ endpointId: id })).items
    const [attempt] = (await blind.sender.deliveries.attempts(delivery?.id ?? '')).items
    const message = expect.stringMatching(/^not signed: the secret of endpoint ep_\w+ is sealed under the key/)
    expect(attempt).toMatchObject({ outcome: 'blocked', error: { message } })
    expect(blind.errors).toEqual([
      { error: expect.objectContaining({ code: 'secrets_key_unknown' }), context: `signing for endpoint ${id}` },
    ])
    for (const call of ['revealSecrets', 'rotateSecret'] as const) {
      await expect(blind.sender.endpoints[call](id)).rejects.toMatchObject({ code: 'secrets_key_unknown' })
    }
  })
})

describe('a key that is lost', () => {
  it.each([
    ['with another one', { secretsKey: NEW }],
    ['without one', {}],
  ])('%s: every endpoint can be given another secret, or deleted, and all goes on', async (_given, options) => {
    const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
    folders.push(folder)
    const path = join(folder, 'webhooks.db')
    const before = senderOn(sqlite({ path }), { secretsKey: OLD })
    const kept = await create(before, A_V1)
    const gone = await create(before, A_V1, 'acme')
    await before.sender.stop({ graceMs: 0 })
    const made = senderOn(sqlite({ path }), options)
    await made.sender.send({ type: 'a', data: 'meanwhile' })
    await expect(made.sender.start()).rejects.toMatchObject({ code: 'secrets_key_unknown' })
    const listed = (await made.sender.endpoints.list({ tenant: ALL_TENANTS })).items
    expect(listed.map(({ id }) => id).sort()).toEqual([kept.id, gone.id].sort())
    await made.sender.endpoints.delete(gone.id)
    const { secret } = await made.sender.endpoints.rotateSecret(kept.id, { overlapMs: 0 })
    expect(secret).not.toBe(A_V1)
    expect(await signedBy(made, secret)).toBe(true)
    expect(made.requests.map(({ body }) => Buffer.from(body).toString())).toEqual([
      expect.stringContaining('meanwhile'),
      expect.not.stringContaining('meanwhile'),
    ])
    await made.sender.start()
    expect(made.errors).toEqual([])
  })
})

describe('on SQLite, at the level of its rows', () => {
  async function file() {
    const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
    folders.push(folder)
    const path = join(folder, 'webhooks.db')
    const made = senderOn(sqlite({ path }), { secretsKey: OLD, retry: { delaysMs: [] } })
    const first = await create(made, A_V1)
    const second = await create(made, ANOTHER_V1)
    await through(made.clock, made.sender.stop())
    const change = (sql: string, ...values: unknown[]) => {
      const db = new Database(path)
      db.prepare(sql).run(...values)
      db.close()
    }
    return { path, first, second, change }
  }

  it('a sealed value that is moved to another endpoint’s row does not open there', async () => {
    const { path, first, second, change } = await file()
    const sql =
      'UPDATE hookferry_endpoint SET secrets = (SELECT secrets FROM hookferry_endpoint WHERE id = ?) WHERE id = ?'
    change(sql, first.id, second.id)
    const made = senderOn(sqlite({ path }), { secretsKey: OLD, retry: { delaysMs: [] } })
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    await quiet()
    expect(made.requests).toHaveLength(1)
    const { items } = await made.sender.deliveries.list({ endpointId: second.id, state: 'failed' })
    const [attempt] = (await made.sender.deliveries.attempts(items[0]?.id ?? '')).items
    expect(attempt).toMatchObject({ outcome: 'blocked', status: null })
    const code = 'secret_unreadable'
    expect(made.errors).toEqual([
      { error: expect.objectContaining({ code }), context: `signing for endpoint ${second.id}` },
    ])
    await expect(made.sender.endpoints.revealSecrets(second.id)).rejects.toMatchObject({ code })
    await expect(made.sender.endpoints.rotateSecret(second.id)).rejects.toMatchObject({ code })
    // As the message says: what is to be revoked need not be read.
    const { secret } = await made.sender.endpoints.rotateSecret(second.id, { overlapMs: 0 })
    await made.sender.endpoints.pause(first.id)
    expect(await signedBy(made, secret)).toBe(true)
  })

  it('a damaged value keeps neither the sender from opening nor the others from being sealed anew', async () => {
    const { path, first, change } = await file()
    change(`UPDATE hookferry_endpoint SET secrets = replace(secrets, 'sealed1', 'sealed9') WHERE id = ?`, first.id)
    const made = senderOn(sqlite({ path }), { secretsKey: [NEW, OLD] })
    const resealing = made.sender.resealSecrets()
    await expect(resealing).rejects.toMatchObject({ code: 'secret_unreadable' })
    await expect(resealing).rejects.toThrow(new RegExp(`secrets of ${first.id} could not be sealed anew`))
    const values = await valuesOf(made.storage)
    expect(values.filter((value) => value.startsWith('sealed1'))).toHaveLength(1)
    await expect(made.sender.resealSecrets()).rejects.toThrow(/could not be sealed anew/)
  })
})

describe('resealSecrets', () => {
  it('seals everything with the first key, in every tenant, so that no other is needed', async () => {
    const storage = memory()
    const plain = senderOn(storage)
    await create(plain, A_V1A, 'acme')
    const before = senderOn(storage, { secretsKey: OLD })
    const { id } = await create(before, A_V1)
    await before.sender.endpoints.rotateSecret(id, { secret: ANOTHER_V1 })
    await before.sender.endpoints.pause(id)
    const made = senderOn(storage, { secretsKey: [NEW, OLD] })
    expect(await made.sender.resealSecrets()).toEqual({ examined: 2, resealed: 2 })
    expect(await made.sender.resealSecrets()).toEqual({ examined: 2, resealed: 0 })
    const after = senderOn(storage, { secretsKey: NEW })
    const { secrets } = await after.sender.endpoints.revealSecrets(id)
    expect(secrets.map(({ secret }) => secret)).toEqual([ANOTHER_V1, A_V1])
    expect(secrets[0]?.expiresAt).toBeNull()
    expect(secrets[1]?.expiresAt).not.toBeNull()
  })

  it('changes nothing that anybody chose: the endpoint is as old as before', async () => {
    const storage = memory()
    const before = senderOn(storage)
    const { id } = await create(before, A_V1)
    const was = await before.sender.endpoints.get(id)
    const made = senderOn(storage, { secretsKey: NEW })
    made.clock.advanceBy(1_000)
    await made.sender.resealSecrets()
    expect(await made.sender.endpoints.get(id)).toEqual(was)
  })

  it('removes what has expired', async () => {
    const made = senderOn(memory(), { secretsKey: NEW })
    const { id } = await create(made, A_V1)
    await made.sender.endpoints.rotateSecret(id, { overlapMs: 10 })
    made.clock.advanceBy(10)
    expect(await made.sender.resealSecrets()).toEqual({ examined: 1, resealed: 1 })
    expect(await valuesOf(made.storage)).toHaveLength(1)
  })

  it('goes page by page over many, and loses no rotation that comes between', async () => {
    const storage = memory()
    const before = senderOn(storage, { secretsKey: OLD })
    const ids: string[] = []
    for (let count = 0; count < 250; count++) ids.push((await create(before, A_V1)).id)
    const made = senderOn(storage, { secretsKey: [NEW, OLD] })
    const [resealed, ...rotations] = await Promise.all([
      made.sender.resealSecrets(),
      ...ids.filter((_, index) => index % 10 === 0).map((id) => made.sender.endpoints.rotateSecret(id)),
    ])
    expect(resealed.examined).toBe(250)
    expect(made.storage.calls.get('listEndpoints')).toBe(3)
    const after = senderOn(storage, { secretsKey: NEW })
    for (const [index, { secret }] of rotations.entries()) {
      const { secrets } = await after.sender.endpoints.revealSecrets(ids[index * 10] ?? '')
      expect(secrets.map(({ secret }) => secret)).toEqual([secret, A_V1])
    }
  })

  it('brings back no secret that is revoked while it is sealed', async () => {
    const storage = memory()
    const before = senderOn(storage)
    const { id } = await create(before, A_V1)
    const made = senderOn(storage, { secretsKey: NEW })
    made.storage.tamper('getEndpoint', async (call) => {
      const read = await call()
      made.storage.heal()
      await before.sender.endpoints.rotateSecret(id, { secret: ANOTHER_V1, overlapMs: 0 })
      return read
    })
    expect(await made.sender.resealSecrets()).toEqual({ examined: 1, resealed: 1 })
    const { secrets } = await made.sender.endpoints.revealSecrets(id)
    expect(secrets.map(({ secret }) => secret)).toEqual([ANOTHER_V1])
    expect(await valuesOf(storage)).toEqual([expect.stringMatching(/^sealed1/)])
  })

  it('an endpoint that is deleted meanwhile is no failure', async () => {
    const storage = memory()
    const { id } = await create(senderOn(storage), A_V1)
    const made = senderOn(storage, { secretsKey: NEW })
    made.storage.tamper('getEndpoint', async (call) => {
      made.storage.heal()
      await made.sender.endpoints.delete(id)
      return call()
    })
    expect(await made.sender.resealSecrets()).toEqual({ examined: 1, resealed: 0 })
  })

  it('is refused without a key: nothing would be sealed', async () => {
    await expect(rig().sender.resealSecrets()).rejects.toMatchObject({ code: 'secrets_key_unknown' })
  })
})

describe('a started sender', () => {
  it('seals anew in the background', async () => {
    const storage = memory()
    await create(senderOn(storage), A_V1)
    const made = senderOn(storage, { secretsKey: NEW })
    await made.sender.start()
    await made.sender.start()
    await quiet()
    expect(await valuesOf(storage)).toEqual([expect.stringMatching(/^sealed1/)])
    expect(made.storage.inputs.filter(({ method }) => method === 'updateEndpoint')).toHaveLength(1)
    expect(made.errors).toEqual([])
  })

  it('tells what it could not seal', async () => {
    const storage = memory()
    await create(senderOn(storage), A_V1)
    const made = senderOn(storage, { secretsKey: NEW })
    made.storage.tamper('updateEndpoint', () => Promise.reject(new Error('out of order')))
    await made.sender.start()
    await quiet()
    expect(made.errors).toEqual([
      { error: expect.objectContaining({ message: 'out of order' }), context: 'sealing secrets anew' },
    ])
  })

  it('stops while it seals, and leaves nothing behind', async () => {
    const storage = memory()
    const before = senderOn(storage)
    for (let count = 0; count < 30; count++) await create(before, A_V1)
    const made = senderOn(storage, { secretsKey: NEW })
    made.storage.tamper('updateEndpoint', async (call) => {
      made.clock.advanceBy(5)
      return call()
    })
    await made.sender.start()
    await quiet(5)
    await through(made.clock, made.sender.stop({ graceMs: 0 }))
    expect(made.clock.nextTimerAt()).toBeNull()
    expect(made.errors).toEqual([])
    const values = await valuesOf(storage)
    expect(values.filter((value) => value === A_V1).length).toBeGreaterThan(0)
  })
})
