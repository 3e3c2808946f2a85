import { hmacHeader, standardWebhooks } from 'hookferry'
import { seededRandom } from 'hookferry/testing'
import { verify } from 'hookferry/verify'
import { afterEach, describe, expect, it } from 'vitest'
import { optionDocs, optionPaths } from '../../support/docs/option-docs.ts'
import { quiet, rig, stopAll, URL_OK } from '../engine/rig.ts'
import {
  attempts,
  type Cases,
  codeOf,
  DAY,
  event,
  given,
  HOUR,
  knownBy,
  proven,
  requestTimes,
  SECOND,
} from './harness.ts'

afterEach(stopAll)

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

/** Every option of `endpoints.create`. A new one gets a case here. Those that `update` takes are taken back there, too. */
const CASES: Cases = {
  async tenant() {
    const { sender, requests } = await given({}, { tenant: 'acme' })
    await sender.send(event)
    await sender.drain()
    expect(requests).toHaveLength(0)
    await sender.send({ ...event, tenant: 'acme' })
    await sender.drain()
    expect(requests).toHaveLength(1)
  },

  async url() {
    const made = await given({}, { url: 'https://first.example/' })
    await requestTimes(made, 0)
    await made.sender.endpoints.update(made.id, { url: 'https://second.example/hooks?a=1' })
    await requestTimes(made, 0)
    expect(made.requests.map(({ url }) => url)).toEqual(['https://first.example/', 'https://second.example/hooks?a=1'])
  },

  async secret() {
    const secrets: [unknown, string][] = [
      [SECRET, SECRET],
      [{ bytes: new Uint8Array(32).fill(7) }, SECRET],
    ]
    for (const [secret, written] of secrets) {
      const made = await given({}, { secret })
      expect(made.secret).toBe(written)
      await requestTimes(made, 0)
      const request = made.requests[0]!
      await expect(verify(request, written, { now: () => request.at })).resolves.toMatchObject({ type: 'a' })
    }
    const [one, other] = [await given(), await given({ runtime: { random: seededRandom(2) } })]
    expect(Buffer.from(one.secret.replace('whsec_', ''), 'base64')).toHaveLength(32)
    expect(one.secret).not.toBe(other.secret)
  },

  async eventTypes() {
    const made = await given({}, { eventTypes: ['invoice.*', 'user.**'] })
    const types = [
      'invoice.paid',
      'invoice.line.added',
      'user.created',
      'user.address.changed',
      'invoice',
      'order.paid',
    ]
    const sent = async () => {
      made.requests.splice(0)
      for (const type of types) await made.sender.send({ type, data: 1 })
      await made.sender.drain()
      return made.sent().map(({ type }) => type)
    }
    expect((await sent()).sort()).toEqual(['invoice.paid', 'user.address.changed', 'user.created'])
    await made.sender.endpoints.update(made.id, { eventTypes: null })
    expect(await sent()).toHaveLength(types.length)
  },

  async description() {
    const { sender, id } = await given({}, { description: 'of the warehouse' })
    expect(await sender.endpoints.get(id)).toMatchObject({ description: 'of the warehouse' })
    expect(await sender.endpoints.update(id, { description: null })).toMatchObject({ description: null })
  },

  async headers() {
    const made = await given({}, { headers: { 'X-Key': 'k1', authorization: 'Bearer t' } })
    await requestTimes(made, 0)
    await made.sender.endpoints.update(made.id, { headers: null })
    await requestTimes(made, 0)
    const sent = made.requests.map(({ headers }) => [headers['x-key'], headers.authorization])
    expect(sent).toEqual([
      ['k1', 'Bearer t'],
      [undefined, undefined],
    ])
  },

  async signing() {
    const signing = [standardWebhooks(), hmacHeader({ header: 'X-Own' })]
    const made = await given({ signing }, { signing: ['x-own'] })
    await requestTimes(made, 0)
    await made.sender.endpoints.update(made.id, { signing: null })
    await requestTimes(made, 0)
    const signed = made.requests.map(({ headers }) => ['x-own' in headers, 'webhook-signature' in headers])
    expect(signed).toEqual([
      [true, false],
      [true, true],
    ])
  },

  async 'retry.delaysMs'() {
    const made = await failing({ retry: { delaysMs: [HOUR] } }, { retry: { delaysMs: [SECOND, SECOND] } })
    expect(await requestTimes(made, DAY)).toEqual([0, SECOND, 2 * SECOND])
    await made.sender.endpoints.update(made.id, { retry: { delaysMs: null } })
    expect(await requestTimes(made, DAY)).toEqual([0, HOUR])
  },

  async 'retry.jitter'() {
    const made = await failing({ retry: { delaysMs: [HOUR], jitter: 0.5 } }, { retry: { jitter: 0 } })
    expect(await requestTimes(made, DAY)).toEqual([0, HOUR])
    await made.sender.endpoints.update(made.id, { retry: null })
    expect((await requestTimes(made, DAY))[1]).not.toBe(HOUR)
  },

  async 'retry.retryAfterMaxMs'() {
    const made = await failing({ retry: { delaysMs: [SECOND] } }, { retry: { retryAfterMaxMs: 10 * SECOND } })
    made.transport.reply({ status: 500, headers: { 'retry-after': '3600' } })
    expect(await requestTimes(made, DAY)).toEqual([0, 10 * SECOND])
    await made.sender.endpoints.update(made.id, { retry: { retryAfterMaxMs: null } })
    expect(await requestTimes(made, DAY)).toEqual([0, HOUR])
  },

  async concurrency() {
    const made = await given({ concurrency: { perEndpoint: 5 } }, { concurrency: 2 })
    const other = await made.sender.endpoints.create({ url: URL_OK })
    await proven(made)
    made.transport.reply('hang')
    for (let sent = 0; sent < 8; sent++) await made.sender.send(event)
    await quiet()
    const leased = async (endpointId: string) =>
      (await made.sender.deliveries.list({ endpointId, state: 'leased' })).items.length
    expect([await leased(made.id), await leased(other.id)]).toEqual([2, 5])
  },

  async rateLimit() {
    const made = await given({}, { rateLimit: { limit: 2, perMs: 10 * SECOND } })
    const began = made.clock.now()
    for (let sent = 0; sent < 6; sent++) await made.sender.send(event)
    await made.sender.drain({ until: new Date(began + HOUR) })
    const times = made.requests.map(({ at }) => at - began)
    expect(times).toHaveLength(6)
    for (const at of times) {
      expect(times.filter((other) => other > at - 10 * SECOND && other <= at).length).toBeLessThanOrEqual(2)
    }
    await made.sender.endpoints.update(made.id, { rateLimit: null })
    for (let sent = 0; sent < 6; sent++) await made.sender.send(event)
    const { attempts: atOnce } = await made.sender.drain()
    expect(atOnce).toBe(6)
  },

  async 'attempt.deadlineMs'() {
    const made = await given({ retry: { delaysMs: [] } }, { attempt: { deadlineMs: 3 * SECOND } })
    made.transport.reply('hang')
    await requestTimes(made, DAY)
    expect(await attempts(made)).toMatchObject([{ outcome: 'timed_out', durationMs: 3 * SECOND }])
  },

  async 'attempt.connectMs'() {
    const handed: number[] = []
    const { transport } = rig()
    const send: typeof transport.send = (request) => {
      handed.push(request.connectMs)
      return transport.send(request)
    }
    const made = await given(
      { transport: { name: 'noting', send, close: async () => {} } },
      { attempt: { connectMs: 99 } },
    )
    await requestTimes(made, 0)
    await made.sender.endpoints.update(made.id, { attempt: { connectMs: null } })
    await requestTimes(made, 0)
    expect(handed).toEqual([99, 5 * SECOND])
  },

  async 'attempt.responseBodyMaxBytes'() {
    const made = await given({ retry: { delaysMs: [] } }, { attempt: { responseBodyMaxBytes: 10 } })
    made.transport.reply({ status: 500, body: 'x'.repeat(100) })
    await requestTimes(made, DAY)
    expect((await attempts(made))[0]?.responseBody).toHaveLength(10)
  },

  async allowRanges() {
    const { sender } = rig()
    const create = (allowRanges: string[]) => codeOf(sender.endpoints.create({ url: 'https://10.1.2.3/', allowRanges }))
    expect(await create(['10.9.0.0/16'])).toBe('endpoint_address_blocked')
    expect(await create(['10.1.0.0/16'])).toBeNull()
  },

  async metadata() {
    const made = await given({}, { metadata: { plan: 'gold' } })
    expect(await made.sender.endpoints.get(made.id)).toMatchObject({ metadata: { plan: 'gold' } })
    await requestTimes(made, 0)
    expect(JSON.stringify([made.requests[0]?.headers, made.requests[0]?.json])).not.toContain('gold')
    expect(await made.sender.endpoints.update(made.id, { metadata: null })).toMatchObject({ metadata: {} })
  },
}

async function failing(options: object, endpoint: object) {
  const made = await given(options, endpoint)
  made.transport.reply(500)
  return made
}

describe('each option of endpoints.create does what it says', () => {
  it.each(Object.entries(CASES))('%s', (_, check) => check())

  it('and none is without a case, nor known to the types alone, or at run time alone', async () => {
    const paths = optionPaths('src/api/check-endpoint.ts', 'EndpointInput')
    expect(paths.filter((path) => !(path in CASES))).toEqual([])
    const documented = [...optionDocs('src/api/check-endpoint.ts', 'EndpointInput').keys()]
    expect(Object.keys(CASES).filter((path) => !documented.includes(path))).toEqual([])
    const known = await knownBy(async () => rig().sender.endpoints.create({ unheard: 1 } as never))
    expect(known.sort()).toEqual(documented.filter((path) => !path.includes('.')).sort())
  })
})
