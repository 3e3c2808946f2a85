import { z } from 'zod'
import { defineEvents, event } from '../../../../../src/catalog.ts'
import { standardWebhooks } from '../../../../../src/signing/standard-webhooks.ts'
import { memory } from '../../../../../src/storage/memory/index.ts'
import {
  accept,
  booleans,
  type Cases,
  integers,
  lists,
  numbers,
  objects,
  type Place,
  refuse,
  strings,
  times,
  together,
  types,
} from '../kinds.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const DAY = 86_400_000

const option =
  (name: string): Place =>
  (value) => [{ [name]: value }]
const within =
  (group: string, name: string): Place =>
  (value) => [{ [group]: { [name]: value } }]

/** A group of options, each field an integer within bounds. */
function group(name: string, fields: Record<string, [min: number, max: number]>, ...right: string[]): Cases {
  const checks = Object.entries(fields).map(([field, [min, max]]) =>
    integers(`options.${name}.${field}`, within(name, field), min, max),
  )
  return together(objects(`options.${name}`, option(name), ...right), ...checks)
}

const functions = (path: string, place: Place) => together(types(path, place, 'a function'))

/** Something with methods; each in turn left out. */
function port(path: string, place: Place, whole: object): Cases {
  const without = Object.fromEntries(
    Object.keys(whole).map((method) => [`without ${method}`, { ...whole, [method]: undefined }]),
  )
  return together(types(path, place), refuse('argument_type', path, place, without), accept(path, place, { whole }))
}

const ranges = (name: string) =>
  lists(`options.network.${name}`, within('network', name), {
    min: 0,
    max: 1_000,
    item: '10.0.0.0/8',
    items: (at, place) =>
      together(
        strings(at, place, 64),
        refuse('argument_invalid', at, place, { 'no range': 'everywhere', 'too long a prefix': '10.0.0.0/33' }),
      ),
  })

const noop = () => {}
class OwnScheme {
  name = 'own'
  headers = ['x-own']
  sign = () => ({})
}
const { open, close, insertEvents, claimDue, settle } = memory()
const scheme = (name: string, ...headers: string[]) => ({ name, headers, sign: () => ({}) })
const schemes = (length: number) => Array.from({ length }, (_, index) => scheme(`s${index}`, `x-sig-${index}`))
const signing = option('signing')
const schemeField =
  (name: string): Place =>
  (value) => [{ signing: [{ ...scheme('s', 'x-sig'), [name]: value }] }]

const options = together(
  objects('options', (value) => [value]),
  types('options.events', option('events'), 'an object'),
  refuse('argument_invalid', 'options.events.__proto__', option('events'), {
    'an own __proto__': JSON.parse('{"__proto__":{"schema":null}}'),
  }),
  refuse('argument_range', 'options.events', option('events'), {
    'too many types': Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`a${index}`, event()])),
  }),
  refuse('argument_invalid', 'options.events["invoice paid"]', option('events'), {
    'no name of a type': { 'invoice paid': event() },
  }),
  types('options.events["a"]', (value) => [{ events: { a: value } }]),
  refuse('argument_type', 'options.events["a"]', option('events'), {
    'a schema, not wrapped': { a: z.object({}) },
    'a definition with no schema': { a: { schema: { '~standard': { version: 2, validate: noop } } } },
  }),
  accept('options.events', option('events'), {
    'no name': defineEvents(),
    'a name': defineEvents({ a: event() }),
    'a name with a schema': { a: event(z.object({})) },
  }),
  port('options.storage', option('storage'), { open, close, insertEvents, claimDue, settle }),
  port('options.transport', option('transport'), { send: noop, close: noop }),
  port('options.logger', option('logger'), { debug: noop, info: noop, warn: noop, error: noop }),
  booleans('options.requireTenant', option('requireTenant')),
  types('options.signing', signing, 'an array'),
  refuse('argument_range', 'options.signing', signing, { 'an empty list': [], 'one too many': schemes(9) }),
  accept('options.signing', signing, { 'the most': schemes(8), 'of a class of its own': [new OwnScheme()] }),
  types('options.signing[0]', (value) => [{ signing: [value] }]),
  refuse('argument_type', 'options.signing[0]', signing, { 'a hole': new Array(1) }),
  types('options.signing[0]', schemeField('sign'), 'a function'),
  strings('options.signing[0].name', schemeField('name'), 256),
  lists('options.signing[0].headers', schemeField('headers'), {
    min: 1,
    max: 16,
    item: 'x-one',
    items: (at, place) =>
      together(
        strings(at, place, 256),
        refuse('argument_invalid', at, place, {
          'no name': 'x y',
          'the host': 'Host',
          'of the content': 'content-type',
        }),
      ),
  }),
  refuse('argument_invalid', 'options.signing[1].name', signing, {
    'two of one name': [scheme('a', 'x-a'), scheme('a', 'x-b')],
  }),
  refuse('argument_invalid', 'options.signing[1].headers', signing, {
    'two that write one header': [scheme('a', 'X-Sig'), scheme('b', 'x-b', 'x-sig')],
    'Standard Webhooks twice': [standardWebhooks({ versions: ['v1'] }), scheme('b', 'Webhook-Id')],
  }),
  objects('options.retry', option('retry')),
  lists('options.retry.delaysMs', within('retry', 'delaysMs'), {
    min: 0,
    max: 100,
    item: 1,
    items: (at, place) => integers(at, place, 0, 30 * DAY),
  }),
  numbers('options.retry.jitter', within('retry', 'jitter'), 0, 1),
  integers('options.retry.retryAfterMaxMs', within('retry', 'retryAfterMaxMs'), 0, 30 * DAY),
  functions('options.retry.decide', within('retry', 'decide')),
  group('disable', { afterMs: [SECOND, 365 * DAY], minFailures: [1, 1_000_000] }),
  accept('options.disable', option('disable'), { false: false }),
  functions('options.disable.decide', within('disable', 'decide')),
  group('hold', { maxAgeMs: [MINUTE, 365 * DAY] }),
  group('concurrency', { total: [1, 10_000], perEndpoint: [1, 10_000] }),
  group('attempt', { deadlineMs: [100, MINUTE], connectMs: [50, MINUTE], responseBodyMaxBytes: [0, 1_048_576] }),
  group('lease', { marginMs: [100, 10 * MINUTE] }),
  integers('options.pollMs', option('pollMs'), 10, MINUTE),
  group('acceptQueueMax', { count: [1, 1_000_000], bytes: [1_024, 4 * 1_024 ** 3] }),
  integers('options.acceptTimeoutMs', option('acceptTimeoutMs'), 10, 10 * MINUTE),
  objects('options.network', option('network')),
  booleans('options.network.allowHttp', within('network', 'allowHttp')),
  ranges('allowRanges'),
  ranges('denyRanges'),
  integers('options.idempotencyMs', option('idempotencyMs'), SECOND, 365 * DAY),
  group('retention', { deliveredMs: [SECOND, 3_650 * DAY], failedMs: [SECOND, 3_650 * DAY] }),
  integers('options.payloadMaxBytes', option('payloadMaxBytes'), 1, 16 * 1_048_576),
  types('options.secretsKey', option('secretsKey'), 'a string', 'an array'),
  refuse('argument_type', 'options.secretsKey', option('secretsKey'), { 'a variable that is not set': undefined }),
  refuse('argument_range', 'options.secretsKey', option('secretsKey'), {
    'no key': [],
    'too many keys': Array.from({ length: 9 }, () => new Uint8Array(32)),
    'too short': new Uint8Array(31),
    'too long': new Uint8Array(33),
  }),
  types('options.secretsKey[0]', (value) => [{ secretsKey: [value] }], 'a string'),
  refuse('argument_type', 'options.secretsKey[0]', option('secretsKey'), { 'a hole': new Array(1) }),
  refuse('argument_invalid', 'options.secretsKey', option('secretsKey'), {
    'an empty text': '',
    'a password': 'correct horse battery staple, 32',
    'base64 of 31 bytes': Buffer.alloc(31, 7).toString('base64'),
    'base64 of 48 bytes': Buffer.alloc(48, 7).toString('base64'),
    'hex of 31 bytes': Buffer.alloc(31, 7).toString('hex'),
    'hex of 24 bytes': Buffer.alloc(24, 7).toString('hex'),
    base64url: Buffer.alloc(32, 0xfb).toString('base64url'),
    'with a line break': `${Buffer.alloc(32, 7).toString('base64')}\n`,
  }),
  accept('options.secretsKey', option('secretsKey'), {
    bytes: new Uint8Array(32),
    base64: Buffer.alloc(32, 7).toString('base64'),
    hex: Buffer.alloc(32, 7).toString('hex'),
    'the most': Array.from({ length: 8 }, () => new Uint8Array(32)),
  }),
  objects('options.runtime', option('runtime')),
  port('options.runtime.clock', within('runtime', 'clock'), { now: noop, monotonic: noop, after: noop }),
  port('options.runtime.random', within('runtime', 'random'), { float: noop, bytes: noop }),
  functions('options.runtime.resolve', within('runtime', 'resolve')),
)

const header: Place = (value) => [{ header: value }]
const headerField =
  (name: string): Place =>
  (value) => [{ header: 'x-sig', [name]: value }]
const printable = (name: string, place: Place) =>
  refuse('argument_invalid', `hmacHeader.${name}`, place, { 'a line break': 'a\r\nb: c', 'no ASCII': 'é', NUL: '\0' })
const texts = (name: string, least: number) =>
  together(
    types(`hmacHeader.${name}`, headerField(name), 'a string'),
    refuse('argument_range', `hmacHeader.${name}`, headerField(name), { 'too long': 'x'.repeat(257) }),
    least > 0 ? refuse('argument_range', `hmacHeader.${name}`, headerField(name), { empty: '' }) : together(),
    printable(name, headerField(name)),
  )

const ownHeader = together(
  objects('hmacHeader', (value) => [value], 'an object'),
  refuse('argument_missing', 'hmacHeader.header', (value) => [value], { 'without header': {} }),
  types('hmacHeader.header', header, 'a string'),
  refuse('argument_invalid', 'hmacHeader.header', header, {
    empty: '',
    'a blank': 'x sig',
    'a line break': 'x-sig\r\nx-b',
    'too long': 'x'.repeat(257),
    host: 'Host',
    'of the connection': 'Transfer-Encoding',
    'of the content': 'Content-Digest',
    'of Standard Webhooks': 'Webhook-Signature',
  }),
  refuse('argument_invalid', 'hmacHeader.algorithm', headerField('algorithm'), {
    unknown: 'md5',
    null: null,
    number: 1,
  }),
  refuse('argument_invalid', 'hmacHeader.encoding', headerField('encoding'), { unknown: 'base32', null: null }),
  texts('prefix', 0),
  texts('content', 0),
  texts('separator', 1),
  refuse('argument_invalid', 'hmacHeader.prefix', headerField('prefix'), {
    'the body in a header': '{body}',
    'an unknown place': '{time}',
  }),
  refuse('argument_invalid', 'hmacHeader.content', headerField('content'), {
    empty: '',
    'without the body': '{timestamp}.',
    'an unknown place': '{ts}.{body}',
  }),
  accept('hmacHeader', headerField('content'), { 'every place': '{id}.{timestamp}.{body}' }),
)

const drain =
  (name: string): Place =>
  (value) => [{ [name]: value }]

export const senderCalls: Record<string, Cases> = {
  createWebhookSender: options,
  standardWebhooks: together(
    types('standardWebhooks', (value) => [value], 'an object', 'a Date', 'a Map', 'a Promise'),
    refuse('argument_unknown', 'standardWebhooks.nonesuch', (value) => [value], { 'an unknown name': { nonesuch: 1 } }),
    refuse('argument_unknown', 'standardWebhooks.version', (value) => [value], {
      'a misspelling': { version: ['v1'] },
    }),
    refuse('argument_invalid', 'standardWebhooks.versions', (value) => [{ versions: value }], {
      'a string': 'v1',
      null: null,
      'a number': 1,
      empty: [],
      unknown: ['v2'],
      'not a string': [1],
      'one unknown among others': ['v1', 'v1b'],
    }),
    accept('standardWebhooks.versions', (value) => [{ versions: value }], { one: ['v1a'], both: ['v1', 'v1a'] }),
  ),
  hmacHeader: ownHeader,
  forTenant: together(
    strings('forTenant.tenant', (value) => [value], 128),
    refuse('argument_type', 'forTenant.tenant', (value) => [value], { undefined }),
    refuse('argument_invalid', 'forTenant.tenant', (value) => [value], { 'a control character': 'a\tb' }),
    accept('forTenant.tenant', (value) => [value], { 'the longest': 'x'.repeat(128) }),
  ),
  on: together(
    functions('on.listener', (value) => ['attempt', value]),
    refuse('argument_invalid', 'on.name', (value) => [value, noop], {
      unknown: 'delivered',
      null: null,
      undefined,
      'a number': 1,
      toString: 'toString',
    }),
    accept('on.name', (value) => [value, noop], { error: 'error' }),
  ),
  drain: together(
    objects('drain', (value) => [value]),
    times('drain.until', drain('until')),
    integers('drain.budgetMs', drain('budgetMs'), 1, DAY),
    integers('drain.limit', drain('limit'), 1, 1_000_000),
  ),
  stop: together(
    objects('stop', (value) => [value]),
    {
      ...integers('stop.graceMs', (value) => [{ graceMs: value }], 0, 600_000),
      // A stop that is accepted ends the world of the others: see stop.test.ts.
      accepted: [],
    },
  ),
}
