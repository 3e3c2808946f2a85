import { verify } from 'hookferry/verify'
import { describe, expect, it } from 'vitest'
import { A_V1, A_V1A, A_V1A_PUBLIC } from '../signing/vectors.ts'
import { ENVELOPE, mac, NOW, SECONDS, signed, verdict } from './requests.ts'

const base64 = (size: number) => Buffer.alloc(size, 0xa7).toString('base64')

/** A request that is signed with this HMAC secret, of whatever size. */
function signedBy(secret: string) {
  const signature = `v1,${mac('evt_1', `${SECONDS}`, ENVELOPE, secret)}`
  return { headers: { ...signed().headers, 'webhook-signature': signature }, body: ENVELOPE }
}

describe('a secret that is taken', () => {
  it('with its prefix or without, padded or not', async () => {
    for (const size of [24, 25, 26, 32]) {
      const secret = `whsec_${base64(size)}`
      const bare = base64(size)
      for (const form of [secret, bare, secret.replace(/=+$/, ''), bare.replace(/=+$/, '')]) {
        expect(await verdict(signedBy(secret), form), form).toBe('passed')
      }
    }
  })

  it('of 16 to 256 bytes', async () => {
    const of = (size: number) => verdict(signedBy(`whsec_${base64(size)}`), `whsec_${base64(size)}`)
    for (const size of [16, 24, 64, 65, 256]) expect(await of(size), `${size} bytes`).toBe('passed')
    for (const size of [1, 15, 257, 300]) expect(await of(size), `${size} bytes`).toBe('secret_invalid')
  })

  it('for Ed25519 as the public key, or as the pair that signs, padded or not', async () => {
    const request = signed(ENVELOPE, { secrets: [A_V1A] })
    for (const secret of [A_V1A_PUBLIC, A_V1A]) {
      expect(await verdict(request, secret)).toBe('passed')
      expect(await verdict(request, secret.replace(/=+$/, ''))).toBe('passed')
    }
  })

  it('that looks like hex, if its prefix says that it is base64', async () => {
    const secret = `whsec_${'0123456789abcdef'.repeat(4)}`
    expect(await verdict(signed(ENVELOPE, { secrets: [secret] }), secret)).toBe('passed')
  })
})

describe('a secret that is refused', () => {
  const others: [string, unknown][] = [
    ['empty', ''],
    ['empty but for its prefix', 'whsec_'],
    ['undefined', undefined],
    ['null', null],
    ['bytes', Buffer.alloc(24)],
    ['hex of 32 bytes', '0123456789abcdef'.repeat(4)],
    ['hex in capitals', '0123456789ABCDEF'.repeat(3)],
    ['with a blank before it', ` ${A_V1}`],
    ['with the end of its line', `${A_V1}\n`],
    ['with a blank in it', A_V1.replace('GK', 'G K')],
    ['in quotation marks', `"${A_V1}"`],
    ['cut off by one character', A_V1.slice(0, -1)],
    ['with half of its padding', `whsec_${base64(25).replace('==', '=')}`],
    ['with too much padding', `${A_V1}====`],
    ['in the alphabet of URLs', `whsec_${'-_'.repeat(16)}`],
    ['of another prefix', A_V1.replace('whsec_', 'sk_')],
    ['of a prefix in capitals', A_V1.replace('whsec_', 'WHSEC_')],
    ['a public key that is cut off', `whpk_${base64(31)}`],
    ['a pair as a public key', A_V1A.replace('whsk_', 'whpk_')],
    ['a pair without its public half', `whsk_${base64(32)}`],
    ['longer than any', `whsec_${base64(3_000)}`],
  ]
  it.each(others)('%s', async (_, secret) => {
    await expect(verify(signed(), secret as string)).rejects.toMatchObject({ code: 'secret_invalid' })
    // One that is wrong is not passed over, although another would do.
    expect(await verdict(signed(), [A_V1, secret] as string[])).toBe('secret_invalid')
  })

  it('none at all, or more than 8', async () => {
    expect(await verdict(signed(), [])).toBe('secret_invalid')
    expect(await verdict(signed(), Array(8).fill(A_V1))).toBe('passed')
    expect(await verdict(signed(), Array(9).fill(A_V1))).toBe('secret_invalid')
  })

  it('before anything of the request is looked at', async () => {
    expect(await verdict({ headers: {}, body: {} as never }, '')).toBe('secret_invalid')
  })

  it('is not quoted', async () => {
    const canary = 'CanaryCanaryCanary'
    for (const secret of [canary, `whsec_${canary}!`, `whpk_${canary}`, `whsk_${canary}A=`, `${canary} `]) {
      const error = await verify(signed(), secret, { now: () => NOW }).catch((error) => error)
      expect(error).toMatchObject({ code: 'secret_invalid' })
      expect(`${error} ${error.stack} ${JSON.stringify(error)}`).not.toContain(canary)
    }
  })
})
