import { verify } from 'hookferry/verify'
import { describe, expect, it } from 'vitest'
import { A_V1 } from '../signing/vectors.ts'
import { ENVELOPE, NOW, signed, verdict } from './requests.ts'

const { headers, body } = signed()
const request = (init: RequestInit = {}) =>
  new Request('https://receiver.example/', { method: 'POST', headers, body: new Uint8Array(body), ...init })

it('a hole among secrets is refused as one that is not set', async () => {
  await expect(verify({ headers, body }, new Array(1), { now: () => NOW })).rejects.toMatchObject({
    code: 'secret_invalid',
  })
})

describe('a Request', () => {
  it('passes, with any method and whatever other headers', async () => {
    expect(await verdict(request())).toBe('passed')
    expect(await verdict(request({ headers: { ...headers, cookie: 'a=b', 'x-other': '1' } }))).toBe('passed')
    expect(await verdict(request({ body: ENVELOPE }))).toBe('passed')
  })

  it('without a body has an empty one', async () => {
    const empty = signed('')
    expect(await verdict(new Request('https://receiver.example/', { headers: empty.headers }))).toBe('passed')
  })

  it('that was read before is refused, by a message that says so', async () => {
    const used = request()
    await used.json()
    expect(await verdict(used)).toBe('body_unreadable')
    await expect(verify(used, A_V1, { now: () => NOW })).rejects.toThrow('was read before')
  })

  it('whose body breaks off is refused, with the cause', async () => {
    const cause = new Error('the connection was reset')
    const stream = new ReadableStream({ pull: (controller) => controller.error(cause) })
    const broken = request({ body: stream, duplex: 'half' } as RequestInit)
    await expect(verify(broken, A_V1, { now: () => NOW })).rejects.toMatchObject({ code: 'body_unreadable', cause })
  })

  it('is not read where its headers are refused already', async () => {
    const unread = request({ headers: { ...headers, 'webhook-timestamp': '1' } })
    expect(await verdict(unread)).toBe('timestamp_too_old')
    expect(unread.bodyUsed).toBe(false)
  })
})

describe('headers', () => {
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
  it.each([
    ['a record', headers],
    ['a record in capitals', upper],
    ['a record with other things in it', { ...headers, 'set-cookie': ['a', 'b'], none: undefined }],
    ['a record of arrays of one', Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))],
    ['a record without a prototype', Object.assign(Object.create(null), headers)],
    ['Headers', new Headers(headers)],
    ['a Map', new Map(Object.entries(upper))],
    ['pairs', Object.entries(headers)],
    ['an iterator of pairs', new Headers(headers).entries()],
    ['something with get alone', { get: (name: string) => new Headers(headers).get(name) }],
  ])('as %s', async (_, given) => {
    expect(await verdict({ headers: given as never, body })).toBe('passed')
  })

  it('that something with get lacks are missing', async () => {
    expect(await verdict({ headers: { get: () => null }, body })).toBe('header_missing')
  })

  it('of the prototype are none', async () => {
    expect(await verdict({ headers: Object.create(headers), body })).toBe('header_missing')
  })
})

describe('a body', () => {
  const larger = Buffer.from(`xx${ENVELOPE}yy`)
  it.each([
    ['a Buffer', Buffer.from(ENVELOPE)],
    ['a Uint8Array', new Uint8Array(body)],
    ['a view into a larger buffer', larger.subarray(2, -2)],
    ['an ArrayBuffer', new Uint8Array(body).buffer],
    ['a DataView', new DataView(new Uint8Array(body).buffer)],
    ['text', ENVELOPE],
  ])('as %s', async (_, given) => {
    const event = await verify({ headers, body: given as never }, A_V1, { now: () => NOW })
    expect(Buffer.from(event.body).toString()).toBe(ENVELOPE)
  })

  it('as text is its UTF-8', async () => {
    const text = '{"name":"Zoë 🐙"}'
    expect(await verdict({ ...signed(text), body: text })).toBe('passed')
  })

  it('beside whatever else a request of Express has', async () => {
    const express = { headers: { ...headers, host: 'receiver.example' }, body, method: 'POST', params: {}, query: {} }
    expect(await verdict(express)).toBe('passed')
  })
})

describe('anything else', () => {
  it.each([
    null,
    undefined,
    'request',
    7,
    {},
    { body: '' },
    { headers: null, body: '' },
    { headers: 'a: b', body: '' },
  ])('%j is a mistake of the calling code', async (wrong) => {
    await expect(verify(wrong as never, A_V1)).rejects.toMatchObject({ name: 'ArgumentError', path: /^input/ })
  })
})
