import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, serveOnTheEdge } from '../../examples/support/workerd.ts'
import { generateSecret, publicKeyOf } from '../../src/signing/secrets.ts'
import { standardWebhooks } from '../../src/signing/standard-webhooks.ts'
import { type Asked, verdictOf } from '../support/edge/verdict.ts'

/** `verify` in workerd, the runtime of Cloudflare Workers, beside `verify` in this Node: the verdicts are the same. */

let edge: Edge
beforeAll(async () => {
  edge = await serveOnTheEdge(fileURLToPath(new URL('../support/edge/worker.ts', import.meta.url)))
})
afterAll(() => edge?.stop())

interface Case extends Asked {
  headers: Record<string, string>
  body: Uint8Array
}

const V1 = [0, 1].map(() => generateSecret(randomBytes))
const V1A = [0, 1].map(() => generateSecret(randomBytes, 'v1a'))
const SECONDS = 1_700_000_000
const ENVELOPE =
  '{"type":"invoice.paid","timestamp":"2023-11-14T22:13:20.000Z","data":{"name":"Zoë 🐙","__proto__":{}}}'

const signed = (secrets: string[], body: Uint8Array = Buffer.from(ENVELOPE)): Case => ({
  headers: standardWebhooks().sign({ id: 'evt_1', timestampSeconds: SECONDS, body, secrets }),
  body,
  secrets: secrets.map((secret) => publicKeyOf(secret) ?? secret),
  now: SECONDS * 1_000,
  toleranceMs: 300_000,
})

async function onTheEdge({ headers, body, ...asked }: Case): Promise<unknown> {
  const init = { method: 'POST', headers: { ...headers, 'x-asked': JSON.stringify(asked) }, body: Buffer.from(body) }
  const response = await fetch(edge.url, init)
  return response.json()
}

const inNode = ({ headers, body, ...asked }: Case) => verdictOf({ headers, body }, asked)

describe('the worker', () => {
  it('is one file that imports nothing', () => {
    expect(edge.code).toContain('node_modules/tweetnacl/')
    expect(edge.code).not.toMatch(/^import |\bimport\(|["']node:|\bBuffer\.|\bprocess\./m)
  })

  it('has nothing of Node around it', async () => {
    expect(await (await fetch(edge.url)).json()).toEqual([])
  })
})

describe('a request', () => {
  it.each([
    ['v1', V1.slice(0, 1)],
    ['v1a', V1A.slice(0, 1)],
    ['both, during a rotation', [...V1, ...V1A]],
  ])('signed by %s passes, and with another body it does not', async (_, secrets) => {
    const good = signed(secrets)
    const event = { id: 'evt_1', type: 'invoice.paid', occurredAt: '2023-11-14T22:13:20.000Z' }
    expect(await onTheEdge(good)).toMatchObject({ passed: true, event, body: [...good.body] })
    const bad = { ...good, body: Buffer.from(ENVELOPE.replace('paid', 'void')) }
    expect(await onTheEdge(bad)).toMatchObject({ passed: false, code: 'signature_mismatch' })
  })
})

describe('400 random cases', () => {
  const body = fc.oneof(
    fc.constant(Buffer.from(ENVELOPE)),
    fc.uint8Array({ maxLength: 100 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(`\u{feff}${text}`)),
  )
  // Of v1a there are few: it takes milliseconds in either runtime.
  const signers = fc.uniqueArray(
    fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...V1) }, { weight: 1, arbitrary: fc.constantFrom(...V1A) }),
    { minLength: 1, maxLength: 3 },
  )
  /** Ways in which a request goes wrong, or not. */
  const changes = fc.constantFrom<(given: Case, chance: number) => Partial<Case>>(
    () => ({}),
    (_, chance) => ({ now: (SECONDS + (chance % 5) * 150 - 300) * 1_000 + (chance % 1_000) }),
    ({ body }) => ({ body: Buffer.concat([body, Buffer.from(' ')]) }),
    ({ body }, chance) => ({ body: body.map((byte, index) => (index === chance % body.length ? byte ^ 1 : byte)) }),
    ({ secrets }, chance) => ({ secrets: secrets.slice(chance % (secrets.length + 1)) }),
    ({ secrets }, chance) => ({ secrets: [...V1, ...secrets].slice(chance % 3) }),
    ({ secrets }, chance) => ({ secrets: secrets.map((secret) => secret.slice(0, -(chance % 9) || undefined)) }),
    ({ secrets }) => ({ secrets: secrets.map((secret) => secret.slice(6)) }),
    ({ headers }, chance) => ({
      headers: { ...headers, 'webhook-id': ['evt_2', 'evt.1', '', 'x'.repeat(300)][chance % 4]! },
    }),
    ({ headers }, chance) => ({
      headers: { ...headers, 'webhook-timestamp': `${SECONDS}${['.5', 'abc', '0', ''][chance % 4]}` },
    }),
    ({ headers }, chance) => ({ headers: withSignature(headers, (text) => text.slice(0, chance % text.length)) }),
    ({ headers }, chance) => ({
      headers: withSignature(headers, (text) => `v2,x v1, ${text} ${'y '.repeat(chance % 40)}`),
    }),
    ({ headers }) => ({ headers: withSignature(headers, (text) => text.replaceAll('v1,', 'v1a,')) }),
    ({ headers }) => ({ headers: withSignature(headers, (text) => text.replaceAll('v1a,', 'v1,')) }),
    ({ headers }) => ({ headers: withSignature(headers, (text) => text.replaceAll('=', '')) }),
  )
  const withSignature = (headers: Case['headers'], change: (text: string) => string) => {
    // What travels in a header has no blanks at its ends.
    return { ...headers, 'webhook-signature': change(headers['webhook-signature']!).trim() }
  }

  it('have the same verdict in both runtimes', async () => {
    const cases = fc.sample(fc.tuple(signers, body, changes, fc.nat()), 400)
    let passed = 0
    // Side by side in groups: a worker has one thread.
    for (let start = 0; start < cases.length; start += 20) {
      const group = cases.slice(start, start + 20).map(([secrets, body, change, chance]) => {
        const good = signed(secrets, body)
        return { ...good, ...change(good, chance) }
      })
      const verdicts = await Promise.all(group.map(async (given) => [await onTheEdge(given), await inNode(given)]))
      for (const [index, [there, here]] of verdicts.entries()) {
        expect(there, JSON.stringify(group[index])).toEqual(here)
        if ((here as { passed: boolean }).passed) passed++
      }
    }
    expect(passed).toBeGreaterThan(40)
    expect(passed).toBeLessThan(360)
  })
})
