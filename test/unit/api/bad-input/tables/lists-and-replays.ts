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
} from '../kinds.ts'
import { ALL_TENANTS } from '../world.ts'
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

const replaying: Field = (name) => (value) => [{ eventId: 'evt_none', [name]: value }]
const option: Field = (name) => (value) => [{ eventId: 'evt_none' }, { [name]: value }]
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
    objects('replay.options', (value) => [{ eventId: 'evt_none' }, value]),
    booleans('replay.options.dryRun', option('dryRun')),
    numbers('replay.options.perSecond', option('perSecond'), 0.01, 100_000),
  ),
  'replays.get': ids('replays.get.id', (value) => [value]),
  'run.wait': together(
    objects('wait', (value) => [value]),
    {
      ...integers('wait.timeoutMs', (value) => [{ timeoutMs: value }], 1, DAY),
      // A wait that is accepted waits: see replays.test.ts.
      accepted: [],
    },
  ),
}
