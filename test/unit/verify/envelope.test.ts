import { verify } from 'hookferry/verify'
import { describe, expect, it } from 'vitest'
import { A_V1 } from '../signing/vectors.ts'
import { NOW, signed } from './requests.ts'

const read = (body: string | Uint8Array) => verify(signed(body), A_V1, { now: () => NOW })
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)))
const raw = { type: null, occurredAt: null, data: null }
const TIME = '2023-11-14T22:13:20.000Z'

describe('an envelope', () => {
  it.each([
    ['with no data to speak of', 'null', null],
    ['with text as data', '"x"', 'x'],
    ['with nested data', '{"a":[{"b":1.5}]}', { a: [{ b: 1.5 }] }],
  ])('%s', async (_, json, data) => {
    const event = await read(`{"type":"a.b","timestamp":"${TIME}","data":${json}}`)
    expect(event).toMatchObject({ type: 'a.b', occurredAt: new Date(TIME), data })
  })

  it('of another sender: in any order, with more in it, with microseconds or an offset in its time', async () => {
    for (const timestamp of ['2022-11-03T20:26:10.344522Z', '2022-11-03T21:26:10.344+01:00']) {
      const event = await read(`{ "data": {}, "version": 2,\n"timestamp": "${timestamp}", "type": "contact created" }`)
      expect(event).toMatchObject({ type: 'contact created', occurredAt: new Date('2022-11-03T20:26:10.344Z') })
    }
  })

  it('whose keys are __proto__ gives nobody another prototype', async () => {
    const event = await read(
      `{"__proto__":{"type":"x"},"type":"a","timestamp":"${TIME}","data":{"__proto__":{"admin":true},"constructor":1}}`,
    )
    expect(event.type).toBe('a')
    expect(Reflect.get(event.data as object, 'admin')).toBeUndefined()
    expect(Reflect.get({}, 'admin')).toBeUndefined()
    expect(await read(`{"__proto__":{"type":"x","timestamp":"${TIME}","data":1}}`)).toMatchObject(raw)
  })
})

describe('any other body is authentic all the same, and left to its reader', () => {
  it.each([
    ['text', 'hello'],
    ['JSON of another form', '{"test": 2432232314}'],
    ['a JSON array', '[]'],
    ['null', 'null'],
    ['an envelope without data', `{"type":"a","timestamp":"${TIME}"}`],
    ['a type that is no text', `{"type":1,"timestamp":"${TIME}","data":1}`],
    ['a time that is a number', '{"type":"a","timestamp":1700000000,"data":1}'],
    ['a time without its zone', '{"type":"a","timestamp":"2023-11-14T22:13:20","data":1}'],
    ['a day that is none', '{"type":"a","timestamp":"2023-02-30T22:13:20Z","data":1}'],
    ['JSON that breaks off', `{"type":"a","timestamp":"${TIME}","data":`],
    ['an envelope behind a BOM', `\u{feff}{"type":"a","timestamp":"${TIME}","data":1}`],
    ['an envelope that is no UTF-8', bytes(`{"type":"a","timestamp":"${TIME}","data":"`, [0xff], '"}')],
    ['half of a surrogate pair in it', bytes(`{"type":"a","timestamp":"${TIME}","data":"`, [0xed, 0xa0, 0x80], '"}')],
    ['JSON nested without end', '['.repeat(100_000)],
    ['bytes', new Uint8Array([0, 1, 2, 255])],
  ])('%s', async (_, body) => {
    const event = await read(body)
    expect(event).toMatchObject(raw)
    expect(Buffer.from(event.body).equals(Buffer.from(body as string))).toBe(true)
  })
})
