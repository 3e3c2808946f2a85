import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { defineEvents, event as eventOf, hmacHeader } from 'hookferry'
import { memory } from 'hookferry/memory'
import { fakeResolver, manualClock, seededRandom } from 'hookferry/testing'
import { verify } from 'hookferry/verify'
import { expect } from 'vitest'
import { rig, URL_OK } from '../engine/rig.ts'
import { type Cases, codeOf, event, given, HOUR } from './harness.ts'

/** Options that say what a sender stands on, whom it serves, and where it may go. */
export const PLUGGED_IN: Cases = {
  async events() {
    const { sender } = await given({ events: defineEvents({ 'invoice.paid': eventOf<{ amount: number }>() }) })
    expect(await codeOf(sender.send({ type: 'invoice.paid', data: { amount: 1 } }))).toBeNull()
    expect(await codeOf(sender.send({ type: 'invoice.voided', data: {} }))).toBe('event_invalid')
  },

  async storage() {
    const storage = memory()
    const { sender } = await given({ storage })
    const { id } = await sender.send(event)
    expect(await rig({ storage }).sender.events.get(id)).toMatchObject({ id })
    expect(await rig().sender.events.get(id)).toBeNull()
  },

  async transport() {
    const seen: string[] = []
    const { transport } = rig()
    const own = {
      name: 'own',
      send: (request: Parameters<typeof transport.send>[0]) => {
        seen.push(request.url)
        return transport.send(request)
      },
      close: async () => {
        seen.push('closed')
      },
    }
    const { sender } = await given({ transport: own })
    await sender.send(event)
    await sender.drain()
    await sender.stop()
    expect(seen).toEqual([URL_OK, 'closed'])
  },

  async logger() {
    const lines: string[] = []
    const log = (_: object, message: string) => lines.push(message)
    await given({ logger: { debug: log, info: log, warn: log, error: log } })
    expect(lines).toEqual(['hookferry: an endpoint was created'])
  },

  async requireTenant() {
    const { sender } = rig({ requireTenant: true })
    expect(await codeOf(sender.send(event))).toBe('argument_missing')
    expect(await codeOf(sender.endpoints.list())).toBe('argument_missing')
    expect(await codeOf(sender.send({ ...event, tenant: 'acme' }))).toBeNull()
    expect(await codeOf(sender.forTenant('acme').send(event))).toBeNull()
    expect(await codeOf(rig({ requireTenant: false }).sender.send(event))).toBeNull()
  },

  async signing() {
    const { sender, requests } = await given({ signing: [hmacHeader({ header: 'X-Own', prefix: 'sha256=' })] })
    await sender.send(event)
    await sender.drain()
    expect(requests[0]?.headers['x-own']).toMatch(/^sha256=[0-9a-f]{64}$/)
    expect(requests[0]?.headers).not.toHaveProperty('webhook-signature')
  },

  async secretsKey() {
    const key = randomBytes(32)
    const stored = async (options: object) => {
      const { sender, storage, id, secret, requests } = await given(options)
      await sender.send(event)
      await sender.drain()
      const [request] = requests
      if (request === undefined) throw new Error('no request')
      await verify(request, secret, { now: () => request.at })
      return inspect(await storage.getEndpoint({ id, tenant: null }), { depth: null }).includes(secret)
    }
    expect(await stored({})).toBe(true)
    expect(await stored({ secretsKey: key })).toBe(false)
  },

  async 'network.allowHttp'() {
    const create = (network: object) => codeOf(rig({ network }).sender.endpoints.create({ url: 'http://a.example/' }))
    expect(await create({})).toBe('endpoint_url_invalid')
    expect(await create({ allowHttp: false })).toBe('endpoint_url_invalid')
    expect(await create({ allowHttp: true })).toBeNull()
  },

  async 'network.allowRanges'() {
    const create = (network: object) => codeOf(rig({ network }).sender.endpoints.create({ url: 'https://10.1.2.3/' }))
    expect(await create({})).toBe('endpoint_address_blocked')
    expect(await create({ allowRanges: ['10.0.0.0/16'] })).toBe('endpoint_address_blocked')
    expect(await create({ allowRanges: ['192.168.0.0/16', '10.1.0.0/16'] })).toBeNull()
  },

  async 'network.denyRanges'() {
    const create = (network: object, url: string) => codeOf(rig({ network }).sender.endpoints.create({ url }))
    const denyRanges = ['93.184.0.0/16', '10.1.2.0/24']
    expect(await create({ denyRanges }, 'https://93.184.1.1/')).toBe('endpoint_address_blocked')
    expect(await create({ denyRanges }, 'https://93.185.1.1/')).toBeNull()
    // Stronger than what is allowed.
    expect(await create({ denyRanges, allowRanges: ['10.0.0.0/8'] }, 'https://10.1.2.3/')).toBe(
      'endpoint_address_blocked',
    )
    expect(await create({ denyRanges, allowRanges: ['10.0.0.0/8'] }, 'https://10.1.3.3/')).toBeNull()
  },

  async 'runtime.clock'() {
    const clock = manualClock(Date.UTC(2030, 0, 1))
    const { sender } = await given({ runtime: { clock } })
    const { id } = await sender.send({ ...event, deliverAt: '2030-01-01T05:00:00Z' })
    expect((await sender.events.get(id))?.createdAt).toEqual(new Date('2030-01-01T00:00:00Z'))
    expect(await sender.drain()).toMatchObject({ attempts: 0 })
    clock.advanceBy(5 * HOUR)
    expect(await sender.drain()).toMatchObject({ attempts: 1 })
  },

  async 'runtime.random'() {
    const made = async (seed: number) => {
      const { sender, secret } = await given({ runtime: { random: seededRandom(seed) } })
      return [secret, (await sender.send(event)).id]
    }
    expect(await made(7)).toEqual(await made(7))
    const [one, other] = [await made(7), await made(8)]
    expect(one[0]).not.toBe(other[0])
    expect(one[1]).not.toBe(other[1])
  },

  async 'runtime.resolve'() {
    const asked: string[] = []
    const answers = fakeResolver({ 'inside.example': ['10.0.0.1'] })
    const { sender } = rig({
      runtime: {
        resolve: (host, options) => {
          asked.push(host)
          return answers(host, options)
        },
      },
    })
    const create = (host: string) => codeOf(sender.endpoints.create({ url: `https://${host}/` }))
    expect(await create('inside.example')).toBe('endpoint_address_blocked')
    expect(await create('outside.example')).toBeNull()
    expect(asked).toEqual(['inside.example', 'outside.example'])
  },
}
