import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { hmacHeader } from '../../../src/signing/hmac-header.ts'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'
import { A_V1, A_V1A, A_V1A_PUBLIC, ANOTHER_V1 } from '../signing/vectors.ts'

afterEach(stopAll)

const HOUR = 3_600_000
const DAY = 24 * HOUR
const refused = (code: string) => expect.objectContaining({ code })

async function made(secret: string = A_V1, options: Parameters<typeof rig>[0] = {}) {
  const all = rig(options)
  const { id } = await all.sender.endpoints.create({ url: URL_OK, secret })
  return { ...all, id, endpoints: all.sender.endpoints }
}

/** Which of these secrets signed the request that is made now, in the order of its signatures. */
async function signers({ sender, requests }: Rig, secrets: string[]): Promise<number[]> {
  await sender.send({ type: 'a', data: 1 })
  await sender.drain()
  return signersOf(requests.at(-1), secrets)
}

function signersOf(request: Rig['requests'][0] | undefined, secrets: string[]): number[] {
  const { headers = {}, body = new Uint8Array() } = request ?? {}
  const content = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  const macs = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    return `v1,${createHmac('sha256', key).update(content).digest('base64')}`
  })
  return (headers['webhook-signature'] ?? '').split(' ').map((signature) => macs.indexOf(signature))
}

describe('the overlap', () => {
  it('both secrets sign for 24 h, and the old one not a millisecond longer', async () => {
    const all = await made()
    const { secret } = await all.endpoints.rotateSecret(all.id)
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(await signers(all, [secret, A_V1])).toEqual([0, 1])
    all.clock.advanceBy(DAY - 1)
    expect(await signers(all, [secret, A_V1])).toEqual([0, 1])
    all.clock.advanceBy(1)
    expect(await signers(all, [secret, A_V1])).toEqual([0])
  })

  it('lasts as long as was asked for, and never makes an older secret last longer', async () => {
    const all = await made()
    const second = await all.endpoints.rotateSecret(all.id, { overlapMs: HOUR })
    const third = await all.endpoints.rotateSecret(all.id, { overlapMs: 30 * DAY })
    const secrets = [third.secret, second.secret, A_V1]
    expect(await signers(all, secrets)).toEqual([0, 1, 2])
    all.clock.advanceBy(HOUR)
    expect(await signers(all, secrets)).toEqual([0, 1])
    all.clock.advanceBy(30 * DAY - HOUR)
    expect(await signers(all, secrets)).toEqual([0])
  })

  it('of 0 revokes at once, for what is queued already and what is retried, too', async () => {
    const all = await made(A_V1, { retry: { delaysMs: [1_000], jitter: 0 } })
    await all.sender.send({ type: 'a', data: 1, deliverAt: new Date(all.clock.now() + 500) })
    all.transport.reply(500)
    await all.sender.send({ type: 'a', data: 2 })
    await all.sender.drain()
    expect(signersOf(all.requests[0], [A_V1])).toEqual([0])
    const { secret } = await all.endpoints.rotateSecret(all.id, { overlapMs: 0 })
    all.transport.reply(200)
    await all.sender.drain({ until: new Date(all.clock.now() + 2_000) })
    expect(all.requests).toHaveLength(3)
    for (const request of all.requests.slice(1)) expect(signersOf(request, [secret, A_V1])).toEqual([0])
    const [stored] = (await all.storage.listEndpoints(EVERYTHING)).items
    expect(stored?.secrets.map(({ value }) => value)).toEqual([secret])
  })

  it('counts for an event that was accepted before and is attempted after, in the fast lane, too', async () => {
    const all = await made()
    await all.sender.start()
    let answered = () => {}
    all.storage.tamper('insertEvents', async (call) => {
      const result = await call()
      await new Promise<void>((resolve) => {
        answered = resolve
      })
      return result
    })
    const sent = all.sender.send({ type: 'a', data: 1 })
    await quiet()
    const { secret } = await all.endpoints.rotateSecret(all.id, { overlapMs: 0 })
    all.storage.heal()
    answered()
    await sent
    await quiet()
    expect(all.requests).toHaveLength(1)
    expect(signersOf(all.requests[0], [secret, A_V1])).toEqual([0])
  })

  it('counts in another process from its next look', async () => {
    const storage = memory()
    const here = await made(A_V1, { storage })
    const there = rig({ storage })
    expect(await signers(there, [A_V1])).toEqual([0])
    const { secret } = await here.endpoints.rotateSecret(here.id, { overlapMs: 0 })
    expect(await signers(there, [secret, A_V1])).toEqual([0])
  })
})

const EVERYTHING = { tenant: null, states: null, changedSince: null, limit: 100, examine: 100, after: null }

describe('the new secret', () => {
  it('is of the kind of the newest, or what was given', async () => {
    const all = await made(A_V1A)
    const { secret, publicKey } = await all.endpoints.rotateSecret(all.id)
    expect(secret).toMatch(/^whsk_/)
    expect(publicKey).toMatch(/^whpk_/)
    expect(await all.endpoints.rotateSecret(all.id, { secret: A_V1 })).toEqual({ secret: A_V1, publicKey: null })
    expect((await all.endpoints.rotateSecret(all.id)).secret).toMatch(/^whsec_/)
    expect(await all.endpoints.rotateSecret(all.id, { secret: A_V1A })).toEqual({
      secret: A_V1A,
      publicKey: A_V1A_PUBLIC,
    })
  })

  it('suits the schemes that the endpoint is given while it is rotated, or is refused', async () => {
    const signing = [standardWebhooks(), hmacHeader({ header: 'X-Sig' })]
    const all = rig({ signing })
    const { id } = await all.sender.endpoints.create({ url: URL_OK, secret: A_V1, signing: ['x-sig'] })
    all.storage.tamper('getEndpoint', async (call) => {
      const read = await call()
      all.storage.heal()
      await all.sender.endpoints.update(id, { signing: ['standard-webhooks'] })
      return read
    })
    const short = { bytes: new Uint8Array(8).fill(1) }
    await expect(all.sender.endpoints.rotateSecret(id, { secret: short })).rejects.toMatchObject({
      path: 'endpoints.rotateSecret.secret',
    })
    const { secrets } = await all.sender.endpoints.revealSecrets(id)
    expect(secrets.map(({ secret }) => secret)).toEqual([A_V1])
  })

  it('is of another kind where the schemes want that by now', async () => {
    const storage = memory()
    const before = await made(A_V1, { storage })
    const { sender } = rig({ storage, signing: [standardWebhooks({ versions: ['v1a'] })] })
    expect((await sender.endpoints.rotateSecret(before.id)).secret).toMatch(/^whsk_/)
  })

  it('has to suit each scheme that signs for the endpoint', async () => {
    const all = await made(A_V1, { signing: [standardWebhooks(), hmacHeader({ header: 'x-sig' })] })
    const rotate = () => all.endpoints.rotateSecret(all.id, { secret: { bytes: Buffer.alloc(16, 7) } })
    const error = { code: 'argument_invalid', path: 'endpoints.rotateSecret.secret' }
    await expect(rotate()).rejects.toMatchObject(error)
    expect((await all.endpoints.revealSecrets(all.id)).secrets).toHaveLength(1)
    await all.endpoints.update(all.id, { signing: ['x-sig'] })
    expect((await rotate()).secret).toBe(`whsec_${Buffer.alloc(16, 7).toString('base64')}`)
  })

  it('is the bytes that were given, whatever becomes of them while the call is under way', async () => {
    const all = await made()
    const bytes = Buffer.alloc(32, 7)
    const options = { secret: { bytes }, overlapMs: 0 }
    const rotating = all.endpoints.rotateSecret(all.id, options)
    bytes.fill(0)
    Object.assign(options, { secret: A_V1A, overlapMs: DAY })
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect(await rotating).toEqual({ secret, publicKey: null })
    expect((await all.endpoints.revealSecrets(all.id)).secrets).toHaveLength(1)
  })

  it('that is in force already becomes the newest; a rotation that is repeated changes nothing', async () => {
    const all = await made()
    await all.endpoints.rotateSecret(all.id, { secret: ANOTHER_V1 })
    const once = await all.endpoints.revealSecrets(all.id)
    all.clock.advanceBy(HOUR)
    await all.endpoints.rotateSecret(all.id, { secret: ANOTHER_V1 })
    expect(await all.endpoints.revealSecrets(all.id)).toEqual(once)
    await all.endpoints.rotateSecret(all.id, { secret: A_V1 })
    const back = (await all.endpoints.revealSecrets(all.id)).secrets
    expect(back.map(({ secret, expiresAt }) => [secret, expiresAt === null])).toEqual([
      [A_V1, true],
      [ANOTHER_V1, false],
    ])
  })
})

describe('revealSecrets', () => {
  it('answers those that sign now, newest first, with their times and public keys', async () => {
    const all = await made()
    const begun = all.clock.now()
    all.clock.advanceBy(1_000)
    await all.endpoints.rotateSecret(all.id, { secret: A_V1A, overlapMs: HOUR })
    const fresh = { secret: A_V1A, publicKey: A_V1A_PUBLIC, createdAt: new Date(begun + 1_000), expiresAt: null }
    const old = { secret: A_V1, publicKey: null, createdAt: new Date(begun), expiresAt: new Date(begun + 1_000 + HOUR) }
    expect(await all.endpoints.revealSecrets(all.id)).toEqual({ secrets: [fresh, old] })
    all.clock.advanceBy(HOUR)
    expect(await all.endpoints.revealSecrets(all.id)).toEqual({ secrets: [fresh] })
  })
})

it('what has expired is gone from storage with the next rotation', async () => {
  const all = await made()
  await all.endpoints.rotateSecret(all.id, { overlapMs: HOUR })
  all.clock.advanceBy(2 * HOUR)
  await all.endpoints.rotateSecret(all.id)
  const [stored] = (await all.storage.listEndpoints(EVERYTHING)).items
  expect(stored?.secrets).toHaveLength(2)
  expect(JSON.stringify(stored)).not.toContain(A_V1.slice(6))
})

describe('at once', () => {
  it('20 rotations: each answer is in force or one clear error, and none is lost', async () => {
    const all = await made()
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => all.endpoints.rotateSecret(all.id)))
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.secret] : []))
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    expect(given).toHaveLength(4)
    for (const error of errors) expect(error).toEqual(refused('endpoint_state_invalid'))
    expect(String(errors[0])).toMatch(/has 5 secrets in force, .*wait until 2026-01-02T00:00:00.000Z, .*overlapMs: 0/)
    const { secrets } = await all.endpoints.revealSecrets(all.id)
    expect(secrets.map(({ secret }) => secret).sort()).toEqual([A_V1, ...given].sort())
  })

  it('20 that revoke: the one that was written last is in force, alone, and it was answered', async () => {
    const all = await made()
    const rotate = () => all.endpoints.rotateSecret(all.id, { overlapMs: 0 })
    const answers = await Promise.allSettled(Array.from({ length: 20 }, rotate))
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.secret] : []))
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'busy', retryable: true })
    }
    const { secrets } = await all.endpoints.revealSecrets(all.id)
    expect(secrets).toHaveLength(1)
    expect(given).toContain(secrets[0]?.secret)
  })

  it('a rotation and a choice of schemes that do not go together: one of them is refused', async () => {
    const all = await made(A_V1, { signing: [standardWebhooks(), hmacHeader({ header: 'x-sig' })] })
    await all.endpoints.update(all.id, { signing: ['x-sig'] })
    const answers = await Promise.allSettled([
      all.endpoints.rotateSecret(all.id, { secret: { bytes: Buffer.alloc(16, 7) }, overlapMs: 0 }),
      all.endpoints.update(all.id, { signing: null }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await signers(all, []).catch(() => null)).not.toBeNull()
    expect(all.errors).toEqual([])
  })
})

it('an answer that was lost on its way is found again, and no secret is given twice', async () => {
  const all = await made()
  let lost = 0
  all.storage.tamper('updateEndpoint', async (call) => {
    const result = await call()
    if (lost++ > 0) return result
    throw Object.assign(new Error('connection lost'), { code: 'storage_unavailable', retryable: true })
  })
  const rotating = all.endpoints.rotateSecret(all.id)
  await quiet()
  all.clock.advanceBy(1_000)
  const { secret } = await rotating
  expect(lost).toBe(2)
  const { secrets } = await all.endpoints.revealSecrets(all.id)
  expect(secrets.map(({ secret }) => secret)).toEqual([secret, A_V1])
})

it.each(['rotateSecret', 'revealSecrets'] as const)(
  '%s is for the endpoint’s own tenant, while it is there',
  async (call) => {
    const { id, sender } = await made()
    await expect(sender.forTenant('other').endpoints[call](id)).rejects.toEqual(refused('endpoint_not_found'))
    await expect(sender.forTenant('default').endpoints[call](id)).resolves.toBeDefined()
    await sender.endpoints.delete(id)
    await expect(sender.endpoints[call](id)).rejects.toEqual(refused('endpoint_not_found'))
  },
)
