import { lookup } from 'node:dns/promises'
import { setMaxListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { createResolver, type ResolverOptions } from '../../../src/runtime/resolver.ts'
import { systemResolver } from '../../../src/runtime/system-resolver.ts'
import {
  type DnsReply,
  type NameServer,
  NODATA,
  NXDOMAIN,
  nameServer,
  type Question,
  SERVFAIL,
} from '../../support/receivers/name-server.ts'

const cleanUp: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close()
})

async function setUp(reply: (question: Question) => DnsReply | Promise<DnsReply>, options: ResolverOptions = {}) {
  const server: NameServer = await nameServer(reply)
  cleanUp.push(server.close)
  const resolve = createResolver({ servers: [server.address], timeoutMs: 250, tries: 1, ...options })
  const signal = new AbortController().signal
  setMaxListeners(0, signal)
  return { server, resolve, ask: (host: string) => resolve(host, { signal }) }
}

/** An answer that comes when it is let go. */
function held(reply: DnsReply) {
  let letGo = () => {}
  const hold = new Promise<DnsReply>((resolve) => {
    letGo = () => resolve(reply)
  })
  return { hold, letGo }
}

const ONLY_V4 = ({ type }: Question) => ({ addresses: type === 'A' ? ['8.8.8.8'] : [] })

describe('an answer', () => {
  it('holds both families, IPv4 first', async () => {
    const { ask } = await setUp(({ type }) =>
      type === 'A' ? { addresses: ['8.8.8.8', '8.8.4.4'] } : { addresses: ['2001:4860:4860:0:0:0:0:8888'] },
    )
    expect(await ask('both.test')).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '8.8.4.4', family: 4 },
      { address: '2001:4860:4860::8888', family: 6 },
    ])
  })

  it('may be of one family', async () => {
    const { ask } = await setUp(({ type }) =>
      type === 'AAAA' ? { addresses: ['2001:4860:4860:0:0:0:0:8888'] } : NODATA,
    )
    expect(await ask('six.test')).toEqual([{ address: '2001:4860:4860::8888', family: 6 }])
  })

  it('may come by way of another name', async () => {
    const { ask } = await setUp((question) => ({ cname: 'cdn.test', ...ONLY_V4(question) }))
    expect(await ask('alias.test')).toEqual([{ address: '8.8.8.8', family: 4 }])
  })

  it.each([
    ['never comes', 'silence' as const],
    ['fails', SERVFAIL],
    ['does not exist', NXDOMAIN],
  ])('of one family is enough where the other one %s', async (_name, other) => {
    const { ask } = await setUp((question) => (question.type === 'A' ? ONLY_V4(question) : other), { timeoutMs: 5_000 })
    const startedAt = performance.now()
    expect(await ask('half.test')).toEqual([{ address: '8.8.8.8', family: 4 }])
    // Far from the 5 s of the one that never comes.
    expect(performance.now() - startedAt).toBeLessThan(2_500)
  })

  it('does not depend on case or a final dot', async () => {
    const { ask, server } = await setUp(ONLY_V4)
    await ask('name.test')
    await ask('NAME.test.')
    expect(server.questions).toHaveLength(2)
    expect(server.questions.map(({ name }) => name)).toEqual(['name.test', 'name.test'])
  })

  it('is a list of its own for each caller', async () => {
    const { ask } = await setUp(ONLY_V4)
    const first = await ask('name.test')
    first.pop()
    expect(await ask('name.test')).toHaveLength(1)
  })
})

describe('a name without an address', () => {
  it.each([
    ['does not exist', NXDOMAIN, 'ENOTFOUND'],
    ['has none', NODATA, 'ENODATA'],
    ['failed', SERVFAIL, 'ESERVFAIL'],
    ['is not answered', 'silence' as const, 'ETIMEOUT'],
  ])('%s', async (_name, reply, code) => {
    const { ask } = await setUp(() => reply)
    await expect(ask('name.test')).rejects.toMatchObject({ name: 'LookupFailure', code })
  })

  it('that has too many is refused', async () => {
    const addresses = Array.from({ length: 1_000 }, (_, index) => `8.8.${index >> 8}.${index & 255}`)
    const { ask } = await setUp(({ type }) => (type === 'A' ? { addresses } : NODATA))
    await expect(ask('many.test')).rejects.toMatchObject({ code: 'ETOOMANY' })
  })

  it('that is no name at all is a failure, too', async () => {
    const { ask } = await setUp(() => NXDOMAIN)
    await expect(ask(`${'a'.repeat(64)}.test`)).rejects.toMatchObject({ name: 'LookupFailure' })
    await expect(ask('')).rejects.toMatchObject({ name: 'LookupFailure' })
  })
})

describe('the cache', () => {
  function steered(reply: (question: Question) => DnsReply, options: ResolverOptions = {}) {
    let now = 0
    const setting = setUp(reply, { monotonic: () => now, ...options })
    return { setting, pass: (ms: number) => (now += ms) }
  }

  it.each([
    [30, 30_000],
    [0, 1_000],
    [86_400, 60_000],
  ])('uses an answer with a TTL of %i s for %i ms', async (ttl, ms) => {
    const { setting, pass } = steered((question) => ({ ...ONLY_V4(question), ttl }))
    const { ask, server } = await setting
    await ask('name.test')
    pass(ms - 1)
    await ask('name.test')
    expect(server.questions).toHaveLength(2)
    pass(1)
    await ask('name.test')
    expect(server.questions).toHaveLength(4)
  })

  it.each([
    [NXDOMAIN, 5_000],
    [SERVFAIL, 1_000],
  ])('uses a failure %j for %i ms', async (reply, ms) => {
    const { setting, pass } = steered(() => reply)
    const { ask, server } = await setting
    await expect(ask('name.test')).rejects.toThrow()
    const asked = server.questions.length
    pass(ms - 1)
    await expect(ask('name.test')).rejects.toThrow()
    expect(server.questions).toHaveLength(asked)
    pass(1)
    await expect(ask('name.test')).rejects.toThrow()
    expect(server.questions.length).toBeGreaterThan(asked)
  })

  it('holds at most cacheMax names', async () => {
    const { ask, server } = await setUp(ONLY_V4, { cacheMax: 2 })
    for (const name of ['a.test', 'b.test', 'c.test', 'c.test', 'b.test']) await ask(name)
    expect(server.questions).toHaveLength(6)
    await ask('a.test')
    expect(server.questions).toHaveLength(8)
  })
})

describe('many at once', () => {
  it('share one question', async () => {
    const { ask, server } = await setUp(ONLY_V4)
    await Promise.all(Array.from({ length: 50 }, () => ask('name.test')))
    expect(server.questions).toHaveLength(2)
  })

  it('are bounded; the others wait', async () => {
    let open = 0
    let most = 0
    const { ask } = await setUp(
      async (question) => {
        open += 1
        most = Math.max(most, open)
        await new Promise((resolve) => setTimeout(resolve, 20))
        open -= 1
        return ONLY_V4(question)
      },
      { inFlightMax: 3, timeoutMs: 2_000 },
    )
    await Promise.all(Array.from({ length: 12 }, (_, index) => ask(`n${index}.test`)))
    expect(most).toBeLessThanOrEqual(6)
  })

  it('that hang do not hold up the host, nor names that answer', async () => {
    const { hold, letGo } = held(NXDOMAIN)
    const { ask, server } = await setUp((question) => (question.name.startsWith('hung') ? hold : ONLY_V4(question)), {
      timeoutMs: 15_000,
    })
    const hung = Array.from({ length: 50 }, (_, index) => ask(`hung${index}.test`).catch((error: Error) => error))
    await expect.poll(() => server.questions.length).toBe(100)
    // All of them hang until these are answered.
    await Promise.all([lookup('localhost'), lookup('localhost', { all: true }), ask('quick.test')])
    letGo()
    for (const failure of await Promise.all(hung)) expect(failure).toMatchObject({ code: 'ENOTFOUND' })
  })
})

describe('the signal', () => {
  it('is obeyed at once; the question goes on for the others', async () => {
    const { hold, letGo } = held({ addresses: ['8.8.8.8'] })
    const { resolve, ask } = await setUp((question) => (question.type === 'A' ? hold : NODATA), { timeoutMs: 15_000 })
    const controller = new AbortController()
    const first = resolve('name.test', { signal: controller.signal })
    const second = ask('name.test')
    setTimeout(() => controller.abort(new Error('enough')), 20)
    // There is no answer yet.
    await expect(first).rejects.toThrow('enough')
    letGo()
    expect(await second).toHaveLength(1)
  })

  it('of the last one who waits takes the question back', async () => {
    const { resolve, ask, server } = await setUp(({ name }) => (name === 'hung.test' ? 'silence' : NXDOMAIN), {
      timeoutMs: 5_000,
      inFlightMax: 1,
    })
    const controller = new AbortController()
    const hung = resolve('hung.test', { signal: controller.signal })
    await expect.poll(() => server.questions.length).toBe(2)
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await expect(hung).rejects.toThrow('enough')
    await expect(ask('next.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(process.getActiveResourcesInfo().filter((name) => name === 'QueryReqWrap')).toEqual([])
  })

  it('that came before asks nothing', async () => {
    const { resolve, server } = await setUp(ONLY_V4)
    await expect(resolve('name.test', { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(server.questions).toEqual([])
  })
})

describe('localhost', () => {
  it.each(['localhost', 'LOCALHOST.', 'app.localhost'])('%s is this machine, unasked', async (host) => {
    const { ask, server } = await setUp(() => NXDOMAIN)
    expect((await ask(host)).map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
    expect(server.questions).toEqual([])
  })
})

describe('systemResolver', () => {
  it('knows the hosts file', async () => {
    const addresses = await systemResolver()('localhost', { signal: new AbortController().signal })
    expect(addresses.map(({ address }) => address)).toContain('127.0.0.1')
  })

  it('rejects in the same way', async () => {
    const resolve = systemResolver()
    const { signal } = new AbortController()
    await expect(resolve('does-not-exist.invalid', { signal })).rejects.toMatchObject({ name: 'LookupFailure' })
    await expect(resolve('localhost', { signal: AbortSignal.abort() })).rejects.toThrow()
  })
})
