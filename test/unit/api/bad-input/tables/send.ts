import { TX } from '../../../engine/transactional.ts'
import {
  accept,
  type Cases,
  headers,
  ids,
  LONE,
  lists,
  metadata,
  objects,
  type Place,
  refuse,
  strings,
  tenants,
  times,
  together,
  types,
} from '../kinds.ts'
import { ALL_TENANTS, type World } from '../world.ts'

const event = { type: 'invoice.paid', data: 1 }
const field =
  (name: string): Place =>
  (value) => [{ ...event, [name]: value }]

const type: Place = (value) => [{ data: 1, type: value }]
const data: Place = (value) => [{ type: 'invoice.paid', data: value }]
const raw = (more: object) => ({ type: 'invoice.paid', body: new Uint8Array(2), contentType: 'text/plain', ...more })
const contentType: Place = (value) => [raw({ contentType: value })]

const cycle: Record<string, unknown> = {}
cycle.self = cycle

const types_ = together(
  refuse('argument_missing', 'send.type', () => [{ data: 1 }], { 'left out': 0 }),
  strings('send.type', type, 128),
  {
    ...refuse('event_invalid', undefined, type, {
      'a blank': 'invoice paid',
      'a hyphen': 'invoice-paid',
      'a letter outside ASCII': 'facturé',
      'a dot at the end': 'invoice.',
      'a dot at the beginning': '.paid',
      'two dots': 'invoice..paid',
      'a wildcard': 'invoice.*',
      'a quotation mark': 'a"b',
      'a line break at the end': 'invoice.paid\n',
    }),
  },
  accept('send.type', type, { 'one segment': 'a', 'the longest': 'x'.repeat(128), 'every kind': 'Aa_0.Zz_9' }),
)

const datas = together(
  refuse('argument_missing', 'send.data', data, { undefined: undefined }),
  refuse('argument_missing', 'send.data', () => [{ type: 'a' }], { 'left out': 0 }),
  refuse('argument_type', 'send.data', data, {
    'a function': () => {},
    'a symbol': Symbol('s'),
    'toJSON to undefined': { toJSON: () => undefined },
  }),
  refuse('event_invalid', undefined, data, {
    'a BigInt': { amount: 1n },
    'a cycle': cycle,
    'a toJSON that throws': {
      toJSON() {
        throw new Error('of the host')
      },
    },
    'a getter that throws': {
      get amount() {
        throw new Error('of the host')
      },
    },
    'half a surrogate pair': LONE,
    'half a surrogate pair deep within': { a: [{ b: 'tail \udc00' }] },
    'half a surrogate pair in a key': { [LONE]: 1 },
    'half a surrogate pair behind a backslash': '\\\ud800',
    'an own __proto__': JSON.parse('{"a":[{"__proto__":{"admin":true}}]}'),
  }),
  refuse('payload_too_large', undefined, data, { 'more than the limit': 'x'.repeat(512 * 1_024) }),
  accept('send.data', data, {
    null: null,
    false: false,
    zero: 0,
    'an empty string': '',
    'whole surrogate pairs': '😀',
    'the look of half a pair': '\\ud800',
    'the look of a prototype': '"__proto__":',
    'a Date': new Date(0),
    'a key that ends like it': { 'a"__proto__': 1 },
  }),
)

const bodies = together(
  types('send.body', (value) => [raw({ body: value })]),
  refuse('argument_type', 'send.body', (value) => [raw({ body: value })], { 'an ArrayBuffer': new ArrayBuffer(2) }),
  refuse('argument_invalid', 'send.body', () => [{ ...raw({}), data: 1 }], { 'data as well': 0 }),
  refuse('argument_invalid', 'send.contentType', () => [{ ...event, contentType: 'text/plain' }], { 'with data': 0 }),
  refuse('argument_missing', 'send.contentType', contentType, { undefined: undefined }),
  strings('send.contentType', contentType, 128, 'text/plain'),
  refuse('argument_invalid', 'send.contentType', contentType, {
    'no slash': 'text',
    'a line break': 'text/plain; a\r\nx-evil: 1',
    'a line break behind the semicolon': 'text/plain;\r\nx-evil: 1',
    'a line break before the semicolon': 'text/plain\n; a=b',
    'a line break at the end': 'text/plain\n',
  }),
  refuse('payload_too_large', undefined, (value) => [raw({ body: value })], {
    'more than the limit': new Uint8Array(512 * 1_024 + 1),
  }),
  accept('send.body', (value) => [raw({ body: value })], {
    empty: new Uint8Array(0),
    'the limit': new Uint8Array(512 * 1_024),
    'a Buffer': Buffer.from('x'),
  }),
  accept('send.contentType', contentType, { 'with a parameter': 'application/xml; charset=utf-8' }),
)

const idempotency = together(
  strings('send.idempotencyKey', field('idempotencyKey'), 256),
  refuse('idempotency_conflict', undefined, (value) => [{ ...event, tenant: 'acme', data: 9, idempotencyKey: value }], {
    'the key of another event': 'known',
  }),
  refuse(
    'idempotency_conflict',
    undefined,
    (_, world) => [{ ...event, tenant: 'acme', data: 9, id: world.ids.event }],
    {
      'the id of another event': 0,
    },
  ),
  refuse('idempotency_conflict', undefined, (_, world) => [{ ...event, tenant: 'acme', id: world.foreign.event }], {
    "the id of another tenant's event": 0,
  }),
)

const endpoints = together(
  lists('send.endpoints', field('endpoints'), { min: 1, max: 256, item: 'ep_none', items: ids }),
  refuse('endpoint_not_found', undefined, field('endpoints'), { unknown: ['ep_unknown'] }),
  refuse(
    'endpoint_not_found',
    undefined,
    (_, world) => [{ ...event, tenant: 'acme', endpoints: [world.foreign.endpoint] }],
    {
      "another tenant's": 0,
    },
  ),
)

export const send: Cases = together(
  objects('send', (value) => [value]),
  refuse('argument_type', 'send', (value) => [value], { undefined: undefined }),
  tenants('send.tenant', field('tenant')),
  refuse('argument_invalid', 'send.tenant', field('tenant'), { ALL_TENANTS }),
  types_,
  datas,
  bodies,
  strings('send.orderingKey', field('orderingKey'), 256),
  accept('send.orderingKey', field('orderingKey'), { 'the longest': 'x'.repeat(256) }),
  strings('send.id', field('id'), 64),
  refuse('event_invalid', undefined, field('id'), { 'a dot': 'evt.1', 'a blank': 'evt 1', 'a line break': 'evt\n' }),
  accept('send.id', field('id'), { 'the longest': 'x'.repeat(64) }),
  times('send.occurredAt', field('occurredAt')),
  times('send.deliverAt', field('deliverAt')),
  accept('send.deliverAt', field('deliverAt'), { 'a moment gone by': new Date(0), text: '2026-01-01T00:00:00+01:00' }),
  idempotency,
  headers('send.headers', field('headers')),
  { ...endpoints, accepted: [] },
  metadata('send.metadata', field('metadata')),
)

/** The same, behind the host's transaction; endpoints are looked up after its commit. */
export const sendIn: Cases = {
  refused: [
    ...send.refused
      .filter(({ code }) => code !== 'endpoint_not_found')
      .map((refusal) => ({ ...refusal, args: (world: World) => [TX, ...refusal.args(world)] })),
    { given: 'sendIn.tx: another thing', args: () => ['none', event], code: 'argument_type', path: 'sendIn.tx' },
  ],
  accepted: send.accepted.map((one) => ({ ...one, args: (world: World) => [TX, ...one.args(world)] })),
}
