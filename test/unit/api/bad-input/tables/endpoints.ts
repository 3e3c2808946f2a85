import {
  accept,
  type Cases,
  headers,
  ids,
  integers,
  LONE,
  lists,
  metadata,
  numbers,
  objects,
  type Place,
  refuse,
  strings,
  tenants,
  times,
  together,
  types,
} from '../kinds.ts'
import { ALL_TENANTS } from '../world.ts'

const DAY = 86_400_000
const url = 'https://example.com/hooks'

/** A field of `create` and of `update` alike, by the path of the call. */
type Field = (name: string) => Place

const refusedUrls = {
  'nothing at all': '',
  'no URL': 'example',
  http: 'http://example.com/',
  'another scheme': 'ftp://example.com/',
  javascript: 'javascript:alert(1)',
  credentials: 'https://user:secret@example.com/',
  'port 0': 'https://example.com:0/',
  'a line break': 'https://example.com/\n',
  'too long': `https://example.com/${'x'.repeat(2_048)}`,
  'far too long': `https://example.com/${'x'.repeat(100_000)}`,
}
const blockedUrls = {
  loopback: 'https://127.0.0.1/',
  localhost: 'https://localhost/',
  'an octal form': 'https://0177.0.0.1/',
  metadata: 'https://169.254.169.254/latest',
  'mapped IPv4': 'https://[::ffff:10.0.0.1]/',
}

const pattern = (path: string, place: Place) =>
  together(
    strings(path, place, 128),
    refuse('argument_invalid', path, place, {
      'a hyphen': 'in-voice',
      'two dots': 'a..b',
      'half a wildcard': 'a.b*',
      'a wildcard that goes on': 'a.**.b',
    }),
  )

function retry(path: string, field: Field): Cases {
  const within =
    (name: string): Place =>
    (value, world) =>
      field('retry')({ [name]: value }, world)
  const delay = (at: string, place: Place) => integers(at, place, 0, 30 * DAY)
  return together(
    objects(path, field('retry')),
    lists(`${path}.delaysMs`, within('delaysMs'), { min: 0, max: 100, item: 1, items: delay }),
    numbers(`${path}.jitter`, within('jitter'), 0, 1),
    integers(`${path}.retryAfterMaxMs`, within('retryAfterMaxMs'), 0, 30 * DAY),
  )
}

function attempt(path: string, field: Field): Cases {
  const within =
    (name: string): Place =>
    (value, world) =>
      field('attempt')({ [name]: value }, world)
  return together(
    objects(path, field('attempt')),
    integers(`${path}.deadlineMs`, within('deadlineMs'), 100, 60_000),
    integers(`${path}.connectMs`, within('connectMs'), 50, 60_000),
    integers(`${path}.responseBodyMaxBytes`, within('responseBodyMaxBytes'), 0, 1_048_576),
  )
}

function rateLimit(path: string, field: Field): Cases {
  const limited: Place = (value, world) => field('rateLimit')({ limit: value, perMs: 1_000 }, world)
  const per: Place = (value, world) => field('rateLimit')({ limit: 1, perMs: value }, world)
  return together(
    objects(path, field('rateLimit'), 'null', 'an object'),
    refuse('argument_missing', `${path}.limit`, field('rateLimit'), { 'without limit': { perMs: 1 } }),
    refuse('argument_missing', `${path}.perMs`, field('rateLimit'), { 'without perMs': { limit: 1 } }),
    integers(`${path}.limit`, limited, 1, 1_000_000),
    integers(`${path}.perMs`, per, 1, DAY),
  )
}

/** Null returns a field to its default, so it is no wrong type here; within a list it is. */
function nullable(cases: Cases): Cases {
  return { ...cases, refused: cases.refused.filter(({ given }) => !/^[^[]+: null$/.test(given)) }
}

/** What `create` and `update` share. */
function settings(path: string, field: Field): Cases {
  return together(
    types(`${path}.url`, field('url'), 'a string'),
    refuse('endpoint_url_invalid', undefined, field('url'), refusedUrls),
    refuse('endpoint_address_blocked', undefined, field('url'), blockedUrls),
    nullable(lists(`${path}.eventTypes`, field('eventTypes'), { min: 1, max: 100, item: 'a.**', items: pattern })),
    nullable(strings(`${path}.description`, field('description'), 1_024, 'x', 0)),
    nullable(headers(`${path}.headers`, field('headers'))),
    nullable(retry(`${path}.retry`, field)),
    nullable(integers(`${path}.concurrency`, field('concurrency'), 1, 10_000)),
    rateLimit(`${path}.rateLimit`, field),
    nullable(attempt(`${path}.attempt`, field)),
    nullable(
      lists(`${path}.allowRanges`, field('allowRanges'), {
        min: 0,
        max: 100,
        item: '10.0.0.0/8',
        items: (at, place) =>
          together(
            strings(at, place, 256),
            refuse('argument_invalid', at, place, { 'no range': 'here', 'bits behind the prefix': '10.0.0.1/8' }),
          ),
      }),
    ),
    nullable(
      lists(`${path}.signing`, field('signing'), {
        min: 1,
        max: 8,
        item: 'standard-webhooks',
        items: (at, place) =>
          together(
            strings(at, place, 256),
            refuse('argument_invalid', at, place, { 'no scheme of ours': 'x-signature' }),
          ),
      }),
    ),
    nullable(metadata(`${path}.metadata`, field('metadata'))),
  )
}

const creating: Field = (name) => (value) => [{ url, [name]: value }]
const updating: Field = (name) => (value, world) => [world.ids.endpoint, { [name]: value }]
const testing: Field = (name) => (value, world) => [world.ids.endpoint, { [name]: value }]
const rotating: Field = (name) => (value, world) => [world.ids.endpoint, { [name]: value }]

/** A secret as its owner gives it. */
function secret(path: string, place: Place): Cases {
  const bytes: Place = (value, world) => place({ bytes: value }, world)
  return together(
    types(path, place, 'a string', 'an object'),
    refuse('argument_unknown', `${path}.nonesuch`, place, { 'unknown name': { nonesuch: 1 } }),
    refuse('argument_missing', `${path}.bytes`, place, { 'without bytes': {} }),
    refuse('argument_invalid', path, place, {
      empty: '',
      'without its prefix': 'c2VjcmV0',
      'no base64': 'whsec_!!!!',
      'a public half of another': `whsk_${Buffer.alloc(64, 1).toString('base64')}`,
      'bare hex': Buffer.alloc(32, 0x1f).toString('hex'),
      'hex behind its prefix': `whsec_${Buffer.alloc(32, 0x1f).toString('hex')}`,
      'a size that Standard Webhooks does not sign with': `whsec_${Buffer.alloc(16).toString('base64')}`,
      'bytes that Standard Webhooks does not sign with': { bytes: Buffer.alloc(65) },
    }),
    refuse('argument_range', path, place, {
      'too short': `whsec_${Buffer.alloc(7).toString('base64')}`,
      'too long': `whsec_${Buffer.alloc(257).toString('base64')}`,
      'half an Ed25519 key': `whsk_${Buffer.alloc(32).toString('base64')}`,
    }),
    types(`${path}.bytes`, bytes),
    refuse('argument_range', `${path}.bytes`, bytes, {
      none: Buffer.alloc(0),
      'too few': Buffer.alloc(7),
      'too many': Buffer.alloc(257),
    }),
    accept(`${path}.bytes`, bytes, { 'the fewest': Buffer.alloc(24), 'the most': new Uint8Array(64) }),
  )
}

const create = together(
  objects('endpoints.create', (value) => [value], 'an object'),
  refuse('argument_missing', 'endpoints.create.url', (value) => [value], { 'without url': {} }),
  tenants('endpoints.create.tenant', creating('tenant')),
  refuse('argument_invalid', 'endpoints.create.tenant', creating('tenant'), { ALL_TENANTS }),
  settings('endpoints.create', creating),
  secret('endpoints.create.secret', creating('secret')),
)

const UNKNOWN = 'ep_unknown'

/** The id of an endpoint: its form, and that there is one here. */
function existing(path: string, place: Place): Cases {
  return together(ids(path, place), {
    accepted: [],
    refused: [
      { given: `${path}: unknown`, args: (world) => place(UNKNOWN, world), code: 'endpoint_not_found' },
      {
        given: `acme: ${path}: another tenant's`,
        args: (world) => place(world.foreign.endpoint, world),
        code: 'endpoint_not_found',
      },
    ],
  })
}

const list: Field = (name) => (value) => [{ [name]: value }]
const page = (path: string, field: Field) =>
  together(
    integers(`${path}.limit`, field('limit'), 1, 200),
    nullable(strings(`${path}.cursor`, field('cursor'), 512)),
    accept(`${path}.cursor`, field('cursor'), { 'null, for the beginning': null }),
  )

/** Cursors that are not this list's own. */
type Listing = 'endpoints' | 'events' | 'deliveries' | 'replays'
function cursors(path: string, own: Listing, other: Listing) {
  const forged = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  const place: Place = (make, world) => [{ tenant: 'acme', cursor: (make as (w: typeof world) => string)(world) }]
  type World = Parameters<Place>[1]
  return together(
    refuse('cursor_invalid', `${path}.cursor`, place, {
      forged: () => forged([own, 1, 2, 3]),
      'forged with a place that is no number': () => forged([own, 1, 'a', {}]),
      'no base64': () => '%%%',
      'base64 of nothing': () => 'AAAA',
      truncated: (world: World) => world.cursors[own].slice(0, -3),
      'with something behind it': (world: World) => `${world.cursors[own]}!`,
      'of another list': (world: World) => world.cursors[other],
    }),
    refuse('cursor_invalid', `${path}.cursor`, (_, world) => [{ tenant: 'other', cursor: world.cursors[own] }], {
      "another tenant's": 0,
    }),
    accept(`${path}.cursor`, place, { 'its own': (world: World) => world.cursors[own] }),
  )
}

export const endpoints: Record<string, Cases> = {
  'endpoints.create': create,
  'endpoints.get': ids('endpoints.get.id', (value) => [value]),
  'endpoints.list': together(
    objects('endpoints.list', (value) => [value]),
    tenants('endpoints.list.tenant', list('tenant')),
    accept('endpoints.list.tenant', list('tenant'), { ALL_TENANTS }),
    refuse('argument_invalid', 'endpoints.list.state[0]', list('state'), { unknown: 'asleep', null: null, number: 1 }),
    refuse('argument_range', 'endpoints.list.state', list('state'), {
      empty: [],
      'too many': ['active', 'active', 'active', 'active'],
    }),
    times('endpoints.list.changedSince', list('changedSince')),
    accept('endpoints.list.changedSince', list('changedSince'), { 'ISO 8601': '2026-01-01T00:00:00Z' }),
    page('endpoints.list', list),
    cursors('endpoints.list', 'endpoints', 'events'),
  ),
  'endpoints.update': together(
    existing('endpoints.update.id', (value) => [value, {}]),
    objects('endpoints.update', (value, world) => [world.ids.endpoint, value]),
    refuse('argument_type', 'endpoints.update', (value, world) => [world.ids.endpoint, value], { undefined }),
    refuse('argument_unknown', 'endpoints.update.tenant', updating('tenant'), { 'the tenant is fixed': 'other' }),
    refuse('argument_unknown', 'endpoints.update.secret', updating('secret'), { 'has a call of its own': 'whsec_' }),
    settings('endpoints.update', updating),
  ),
  'endpoints.delete': existing('endpoints.delete.id', (value) => [value]),
  'endpoints.test': together(
    existing('endpoints.test.id', (value) => [value]),
    objects('endpoints.test', (value, world) => [world.ids.endpoint, value]),
    strings('endpoints.test.type', testing('type'), 128),
    refuse('event_invalid', undefined, testing('type'), { 'a pattern': 'invoice.*', 'a blank': 'a b' }),
    refuse('argument_type', 'endpoints.test.data', testing('data'), {
      'a function': () => {},
      'a symbol': Symbol('s'),
    }),
    refuse('event_invalid', undefined, testing('data'), { 'a BigInt': 7n, 'half a pair': LONE }),
    refuse('payload_too_large', undefined, testing('data'), { 'too much': 'x'.repeat(512 * 1_024) }),
    accept('endpoints.test.data', testing('data'), { null: null, 'a number': 7, 'an array': [] }),
  ),
  'endpoints.pause': together(
    existing('endpoints.pause.id', (value) => [value]),
    objects('endpoints.pause', (value, world) => [world.ids.endpoint, value]),
    strings('endpoints.pause.reason', (value, world) => [world.ids.endpoint, { reason: value }], 1_024),
  ),
  'endpoints.resume': existing('endpoints.resume.id', (value) => [value]),
  'endpoints.rotateSecret': together(
    existing('endpoints.rotateSecret.id', (value) => [value]),
    objects('endpoints.rotateSecret', (value, world) => [world.ids.endpoint, value]),
    integers('endpoints.rotateSecret.overlapMs', rotating('overlapMs'), 0, 30 * DAY),
    secret('endpoints.rotateSecret.secret', rotating('secret')),
  ),
  'endpoints.revealSecrets': existing('endpoints.revealSecrets.id', (value) => [value]),
  'endpoints.enable': existing('endpoints.enable.id', (value) => [value]),
}

export { cursors, list, page }
