import { describe, expect, it } from 'vitest'
import type { AttemptPhase, ConnectionFailure } from '../../../src/model/attempt.ts'
import { classify } from '../../../src/transports/failure.ts'
import { isAmong } from '../../../src/transports/peer.ts'

function coded(code: string, message = `it failed: ${code}`): Error {
  return Object.assign(new Error(message), { code })
}

describe('classify', () => {
  it.each<[unknown, AttemptPhase, ConnectionFailure]>([
    [coded('ECONNREFUSED'), 'connect', 'refused'],
    [coded('ENETUNREACH'), 'connect', 'unreachable'],
    [coded('ETIMEDOUT'), 'connect', 'unreachable'],
    [coded('ECONNRESET'), 'tls', 'reset'],
    [coded('EPIPE'), 'request', 'reset'],
    [coded('HPE_INVALID_CONSTANT'), 'headers', 'protocol'],
    [Object.assign(new Error('no HTTP'), { name: 'HTTPParserError' }), 'headers', 'protocol'],
    [coded('UND_ERR_SOCKET', 'other side closed'), 'headers', 'reset'],
    [coded('UND_ERR_SOCKET', 'bad upgrade'), 'headers', 'protocol'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls', 'tls'],
    [coded('ERR_SSL_BAD_RECORD_TYPE'), 'body', 'tls'],
    [new Error('what'), 'connect', 'other'],
    ['not an error', 'connect', 'other'],
    [undefined, 'body', 'other'],
    [new AggregateError([coded('ENETUNREACH'), coded('ECONNREFUSED')]), 'connect', 'refused'],
    [new AggregateError([coded('ENETUNREACH'), coded('ETIMEDOUT')]), 'connect', 'unreachable'],
    [new AggregateError([]), 'connect', 'other'],
  ])('%s in %s is %s', (error, phase, reason) => {
    expect(classify(error, phase).reason).toBe(reason)
  })

  it('names what failed, once, with its code', () => {
    const error = new AggregateError([coded('ENETUNREACH', 'no way'), coded('ENETUNREACH', 'no way'), new Error('b')])
    expect(classify(error, 'connect').message).toBe('no way (ENETUNREACH); b')
  })
})

describe('isAmong', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 4, true],
    ['127.0.0.2', '127.0.0.1', 4, false],
    ['2001:db8::1', '2001:0DB8:0::1', 6, true],
    ['2001:db8::2', '2001:db8::1', 6, false],
    ['::ffff:10.0.0.1', '10.0.0.1', 4, true],
  ] as const)('%s and %s', (peer, address, family, among) => {
    expect(isAmong(peer, [{ address, family }])).toBe(among)
  })
})
