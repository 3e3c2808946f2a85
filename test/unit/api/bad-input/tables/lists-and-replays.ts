import {
  accept,
  booleans,
  type Cases,
  ids,
  integers,
  lists,
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
import { ALL_TENANTS, type World } from '../world.ts'
import { cursors, list, page } from './endpoints.ts'

const DAY = 86_400_000

type Field = (name: string) => Place

const later = new Date(2_000)
const earlier = new Date(1_000)

function period(path: string, field: Field, both: (since: Date, until: Date) => unknown[]): Cases {
  return together(
    times(`${path}.since`, field('since')),
    times(`${path}.until`, field('until')),
    refuse('argument_invalid', `${path}.until`, () => both(later, earlier), { 'before since': 0 }),
    refuse('argument_invalid', `${path}.until`, () => both(later, later), { 'equal to since': 0 }),
  )
}

function type(path: string, field: Field): Cases {
  return together(
    strings(`${path}.type`, field('type'), 128),
    refuse('event_invalid', undefined, field('type'), { 'a pattern': 'invoice.*', 'a blank': 'a b' }),
  )
}

/** What `deliveries.list` and `replay` select by. */
function selection(path: string, field: Field): Cases {
  return together(
    tenants(`${path}.tenant`, field('tenant')),
    ids(`${path}.endpointId`, field('endpointId')),
    ids(`${path}.eventId`, field('eventId')),
    type(path, field),
    refuse('argument_invalid', `${path}.state[0]`, field('state'), { unknown: 'held', null: null, 'a number': 1 }),
    refuse('argument_range', `${path}.state`, field('state'), { empty: [], 'too many': Array(6).fill('failed') }),
    period(path, field, (since, until) => [{ since, until }]),
    lists(`${path}.ids`, field('ids'), { min: 1, max: 500, item: 'dlv_none', items: ids }),
  )
}

/** The id of an event: its form, and that there is one here. */
function existingEvent(path: string, place: Place): Cases {
  return together(
    ids(path, place),
    refuse('event_not_found', undefined, place, { unknown: 'evt_unknown' }),
    foreign('event_not_found', (world) => place(world.foreign.event, world)),
  )
}

function foreign(code: string, args: (world: World) => unknown[]): Cases {
  return { accepted: [], refused: [{ given: "acme: another tenant's", args, code }] }
}

const options = (path: string, place: Field): Cases =>
  together(
    objects(path, (value, world) => [...place('dryRun')(true, world).slice(0, -1), value]),
    booleans(`${path}.dryRun`, place('dryRun')),
    numbers(`${path}.perSecond`, place('perSecond'), 0.01, 100_000),
  )

/** What `events.wait` and `run.wait` take. Those that are accepted wait: see events-wait.test.ts and replays.test.ts. */
const waiting = (path: string, field: Field, whole: Place): Cases => ({
  ...together(
    objects(path, whole),
    integers(`${path}.timeoutMs`, field('timeoutMs'), 1, DAY),
    types(`${path}.signal`, field('signal')),
    refuse('argument_type', `${path}.signal`, field('signal'), { 'a controller': new AbortController() }),
  ),
  accepted: [],
})

const replaying: Field = (name) => (value) => [{ eventId: 'evt_none', [name]: value }]
const option: Field = (name) => (value) => [{ eventId: 'evt_none' }, { [name]: value }]
const filling: Field = (name) => (value, world) => [{ tenant: 'acme', endpointId: world.ids.endpoint, [name]: value }]
const fillOption: Field = (name) => (value, world) => [...filling('type')('a.b', world), { [name]: value }]
const explaining: Field = (name) => (value, world) => [world.ids.event, { [name]: value }]
const awaiting: Field = (name) => (value, world) => [world.ids.event, { [name]: value }]
const attempts: Field = (name) => (value, world) => [world.ids.delivery, { [name]: value }]

export const listsAndReplays: Record<string, Cases> = {
  'events.get': ids('events.get.id', (value) => [value]),
  'events.list': together(
    objects('events.list', (value) => [value]),
    tenants('events.list.tenant', list('tenant')),
    accept('events.list.tenant', list('tenant'), { ALL_TENANTS }),
    type('events.list', list),
    period('events.list', list, (since, until) => [{ since, until }]),
    page('events.list', list),
    cursors('events.list', 'events', 'deliveries'),
  ),
  'events.cancel': existingEvent('events.cancel.id', (value) => [value]),
  'events.explain': together(
    existingEvent('events.explain.id', (value) => [value]),
    objects('events.explain', (value, world) => [world.ids.event, value]),
    page('events.explain', explaining),
    refuse(
      'cursor_invalid',
      'events.explain.cursor',
      (_, world) => [world.ids.event, { cursor: world.cursors.events }],
      {
        'of another list': 0,
      },
    ),
    refuse(
      'cursor_invalid',
      'events.explain.cursor',
      (_, world) => [world.foreign.event, { cursor: world.cursors.explain }],
      { "another event's": 0 },
    ),
    accept('events.explain.cursor', (_, world) => [world.ids.event, { cursor: world.cursors.explain }], {
      'its own': 0,
    }),
  ),
  'events.wait': together(
    existingEvent('events.wait.id', (value) => [value]),
    waiting('events.wait', awaiting, (value, world) => [world.ids.event, value]),
  ),
  'deliveries.get': ids('deliveries.get.id', (value) => [value]),
  'deliveries.list': together(
    objects('deliveries.list', (value) => [value]),
    selection('deliveries.list', list),
    accept('deliveries.list.tenant', list('tenant'), { ALL_TENANTS }),
    page('deliveries.list', list),
    cursors('deliveries.list', 'deliveries', 'endpoints'),
  ),
  'deliveries.attempts': together(
    ids('deliveries.attempts.id', (value) => [value]),
    refuse('delivery_not_found', undefined, (value) => [value], { unknown: 'dlv_unknown' }),
    {
      accepted: [],
      refused: [
        { given: "acme: another tenant's", args: (world) => [world.foreign.delivery], code: 'delivery_not_found' },
      ],
    },
    objects('deliveries.attempts', (value, world) => [world.ids.delivery, value]),
    page('deliveries.attempts', attempts),
    refuse(
      'cursor_invalid',
      'deliveries.attempts.cursor',
      (_, world) => [world.ids.delivery, { cursor: world.cursors.deliveries }],
      { 'of another list': 0 },
    ),
  ),
  replay: together(
    objects('replay', (value) => [value], 'an object'),
    refuse('argument_type', 'replay', (value) => [value], { undefined }),
    refuse('argument_missing', 'replay', (value) => [value], {
      'an empty selection': {},
      'a tenant alone': { tenant: 'acme' },
      'all tenants alone': { tenant: ALL_TENANTS },
      'an id that turned out undefined': { eventId: undefined },
      'nothing but undefined': { tenant: 'acme', endpointId: undefined, state: undefined },
    }),
    { ...selection('replay', replaying), accepted: [] },
    options('replay.options', option),
  ),
  backfill: together(
    objects('backfill', (value) => [value], 'an object'),
    refuse('argument_type', 'backfill', (value) => [value], { undefined }),
    refuse('argument_missing', 'backfill.endpointId', (value) => [value], {
      'an empty selection': {},
      'a tenant alone': { tenant: 'acme' },
      'an id that turned out undefined': { endpointId: undefined, type: 'a.b' },
    }),
    ids('backfill.endpointId', filling('endpointId')),
    refuse('endpoint_not_found', undefined, filling('endpointId'), { unknown: 'ep_unknown' }),
    refuse('endpoint_not_found', undefined, filling('tenant'), { "another tenant's": 'other' }),
    foreign('endpoint_not_found', (world) => [{ endpointId: world.foreign.endpoint }]),
    { ...tenants('backfill.tenant', filling('tenant')), accepted: [] },
    accept('backfill.tenant', filling('tenant'), { ALL_TENANTS }),
    ids('backfill.eventId', filling('eventId')),
    type('backfill', filling),
    period('backfill', filling, (since, until) => [{ endpointId: 'ep_none', since, until }]),
    refuse('argument_unknown', 'backfill.state', filling('state'), { 'of deliveries': 'failed', undefined }),
    refuse('argument_unknown', 'backfill.ids', filling('ids'), { 'of deliveries': ['dlv_none'], undefined }),
    options('backfill.options', fillOption),
  ),
  'replays.get': ids('replays.get.id', (value) => [value]),
  'replays.list': together(
    objects('replays.list', (value) => [value]),
    tenants('replays.list.tenant', list('tenant')),
    accept('replays.list.tenant', list('tenant'), { ALL_TENANTS }),
    refuse('argument_invalid', 'replays.list.state[0]', list('state'), { unknown: 'paused', null: null, number: 1 }),
    refuse('argument_range', 'replays.list.state', list('state'), { empty: [], 'too many': Array(4).fill('running') }),
    page('replays.list', list),
    cursors('replays.list', 'replays', 'deliveries'),
  ),
  'replays.cancel': together(
    ids('replays.cancel.id', (value) => [value]),
    refuse('replay_not_found', undefined, (value) => [value], { unknown: 'rpl_unknown' }),
    foreign('replay_not_found', (world) => [world.foreign.replay]),
  ),
  'run.wait': waiting(
    'wait',
    (name) => (value) => [{ [name]: value }],
    (value) => [value],
  ),
}
