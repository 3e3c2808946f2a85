import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, it } from 'vitest'
import type { SenderOptions } from '../../../src/options.ts'
import { hmacHeader } from '../../../src/signing/hmac-header.ts'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

/** Which schemes sign for which endpoint, and which secrets suit them. */

afterEach(stopAll)

const own = hmacHeader({ header: 'X-Signature' })
const both: SenderOptions = { signing: [standardWebhooks(), own] }
const TEXT = Buffer.from('16 bytes of text')

async function headersOf({ sender, requests }: Rig): Promise<Record<string, string>> {
  await sender.send({ type: 'a', data: 1 })
  await sender.drain()
  return requests.at(-1)?.headers ?? {}
}

const names = (headers: Record<string, string>) =>
  Object.keys(headers).filter((name) => name.startsWith('webhook-') || name === 'x-signature')

describe('a secret that was not given', () => {
  it('is of the kind that suits', async () => {
    const create = ({ sender }: Rig) => sender.endpoints.create({ url: URL_OK })
    expect((await create(rig())).secret).toMatch(/^whsec_/)
    expect((await create(rig(both))).secret).toMatch(/^whsec_/)
    expect((await create(rig({ signing: [standardWebhooks({ versions: ['v1a'] })] }))).secret).toMatch(/^whsk_/)
  })

  it('is asked for where none that is made here suits', async () => {
    const { sender } = rig({ signing: [standardWebhooks({ versions: ['v1a'] }), own] })
    const refused = sender.endpoints.create({ url: URL_OK })
    await expect(refused).rejects.toMatchObject({ code: 'argument_missing', path: 'endpoints.create.secret' })
    expect((await sender.endpoints.list()).items).toEqual([])
    expect((await sender.endpoints.create({ url: URL_OK, signing: ['x-signature'] })).secret).toMatch(/^whsec_/)
  })
})

describe('a secret that was given', () => {
  it('by its bytes signs with those bytes', async () => {
    const made = rig({ signing: [own] })
    const { secret } = await made.sender.endpoints.create({ url: URL_OK, secret: { bytes: TEXT } })
    expect(secret).toBe(`whsec_${TEXT.toString('base64')}`)
    const headers = await headersOf(made)
    const { body } = made.requests[0] as Rig['requests'][0]
    expect(headers['x-signature']).toBe(createHmac('sha256', TEXT).update(body).digest('hex'))
  })

  it('has to suit each scheme that will sign with it', async () => {
    const { sender } = rig(both)
    const create = (signing?: string[]) =>
      sender.endpoints.create({ url: URL_OK, secret: { bytes: TEXT }, ...(signing && { signing }) })
    for (const signing of [undefined, ['standard-webhooks'], ['x-signature', 'standard-webhooks']]) {
      const refused = { code: 'argument_invalid', path: 'endpoints.create.secret' }
      await expect(create(signing)).rejects.toMatchObject(refused)
      await expect(create(signing)).rejects.toThrow(/standard-webhooks: .*24 to 64 bytes/)
    }
    expect(await create(['x-signature'])).toMatchObject({ signing: ['x-signature'] })
    expect((await sender.endpoints.list()).items).toHaveLength(1)
  })

  it('is refused in the words of the scheme that refuses it, the host’s own, too', async () => {
    const picky = {
      name: 'picky',
      headers: ['x-picky'],
      sign: () => {
        throw new Error('not on Mondays')
      },
    }
    const { sender } = rig({ signing: [picky] })
    const given = sender.endpoints.create({ url: URL_OK, secret: { bytes: TEXT } })
    await expect(given).rejects.toThrow('endpoints.create.secret: does not suit the scheme picky: not on Mondays')
    await expect(sender.endpoints.create({ url: URL_OK })).rejects.toThrow(/suits the scheme picky: not on Mondays/)
  })
})

describe('endpoint.signing', () => {
  it('chooses among the sender’s schemes, and null returns to all of them', async () => {
    const made = rig(both)
    const { endpoints } = made.sender
    const { id, secret } = await endpoints.create({ url: URL_OK })
    expect(names(await headersOf(made))).toHaveLength(4)
    expect(await endpoints.update(id, { signing: ['x-signature'] })).toMatchObject({ signing: ['x-signature'] })
    expect(names(await headersOf(made))).toEqual(['x-signature'])
    await endpoints.update(id, { signing: ['standard-webhooks'] })
    const headers = await headersOf(made)
    expect(names(headers)).toHaveLength(3)
    const body = Buffer.from(made.requests.at(-1)?.body ?? '')
    expect(() => new Webhook(secret).verify(body, headers)).toThrow(/timestamp/)
    expect(await endpoints.update(id, { signing: null })).not.toHaveProperty('signing')
    expect(names(await headersOf(made))).toHaveLength(4)
  })

  it('is not changed to what the secret does not suit', async () => {
    const { sender } = rig(both)
    const signing = ['x-signature']
    const { id } = await sender.endpoints.create({ url: URL_OK, secret: { bytes: TEXT }, signing })
    for (const other of [null, ['standard-webhooks']]) {
      const refused = sender.endpoints.update(id, { signing: other })
      await expect(refused).rejects.toMatchObject({ code: 'argument_invalid', path: 'endpoints.update.signing' })
    }
    expect(await sender.endpoints.get(id)).toMatchObject({ signing })
  })

  it('that names a scheme which is gone: the attempt is blocked, and told', async () => {
    const storage = memory()
    const before = rig({ ...both, storage })
    const { id } = await before.sender.endpoints.create({ url: URL_OK, signing: ['x-signature', 'standard-webhooks'] })
    const made = rig({ storage, signing: [standardWebhooks()], retry: { delaysMs: [] } })
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    await quiet()
    expect(made.requests).toHaveLength(0)
    const [delivery] = (await made.sender.deliveries.list({ endpointId: id })).items
    const [attempt] = (await made.sender.deliveries.attempts(delivery?.id ?? '')).items
    expect(attempt).toMatchObject({
      outcome: 'blocked',
      error: { message: expect.stringMatching(/^not signed: .*x-sig/) },
    })
    expect(made.errors).toEqual([
      { error: expect.objectContaining({ code: 'endpoint_state_invalid' }), context: `signing for endpoint ${id}` },
    ])
  })
})
