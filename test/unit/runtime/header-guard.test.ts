import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../../../src/errors.ts'
import { checkHeaders } from '../../../src/runtime/header-guard.ts'

describe('checkHeaders', () => {
  it('answers a copy of what is fine', () => {
    const headers = {
      Authorization: 'Bearer abc',
      'x-empty': '',
      'X-Latin': 'größe',
      'user-agent': 'a b',
      cookie: 'a=b',
    }
    const checked = checkHeaders(headers, 'headers')
    expect(checked).toEqual(headers)
    expect(checked).not.toBe(headers)
    expect(checkHeaders(JSON.parse('{ "__proto__": "a" }'), 'headers')).toHaveProperty('__proto__', 'a')
  })

  it.each([
    'Connection',
    'keep-alive',
    'Proxy-Authenticate',
    'proxy-authorization',
    'proxy-connection',
    'TE',
    'trailer',
    'Transfer-Encoding',
    'upgrade',
    'HOST',
    'Expect',
    'content-length',
    'Content-Type',
    'content-encoding',
    'webhook-id',
    'Webhook-Signature',
    'WEBHOOK-anything',
  ])('refuses %s', (name) => {
    expect(() => checkHeaders({ [name]: 'a' }, 'create.headers')).toThrow(`create.headers.${name}: `)
  })

  it.each(['', ' ', 'a b', 'a:', ':path', 'ä', 'a\r\nb', 'a\0', '(a)'])('refuses the name %j', (name) => {
    expect(() => checkHeaders({ [name]: 'a' }, 'headers')).toThrow(ArgumentError)
  })

  it.each([
    'a\r\nb: c',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\tb',
    '\u007f',
    '\u0085',
    '€',
    '名',
    ' a',
    'a ',
    ' ',
    7,
    null,
    ['a'],
  ])('refuses the value %j and does not repeat it', (value) => {
    expect(() => checkHeaders({ 'x-a': value }, 'headers')).toThrow(/^headers\.x-a: must be (a string|printable)[^€]*$/)
  })

  it.each([undefined, null, 'a: b', 7, [['a', 'b']]])('refuses %j for headers', (headers) => {
    expect(() => checkHeaders(headers, 'headers')).toThrow('headers: must be an object')
  })

  it('refuses a name twice, too many and too much', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'a']))
    expect(() => checkHeaders({ 'X-A': 'a', 'x-a': 'b' }, 'headers')).toThrow('headers.x-a: is given twice')
    expect(Object.keys(checkHeaders(many(64), 'headers'))).toHaveLength(64)
    expect(() => checkHeaders(many(65), 'headers')).toThrow('at most 64')
    expect(() => checkHeaders({ a: 'x'.repeat(8_191) }, 'headers')).not.toThrow()
    expect(() => checkHeaders({ a: 'x'.repeat(8_192) }, 'headers')).toThrow('8192 bytes')
  })
})
