import { list, oneOf, plainObject, time } from '../arguments.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import { DELIVERY_STATES, type DeliveryState } from '../model/delivery.ts'
import type { Selection } from '../model/replay.ts'
import { checkType } from './check-event.ts'
import type { Core } from './core.ts'
import { type Listed, listed, type PageOptions, pageInput } from './cursor.ts'
import { type Attempt, type Delivery, presentAttempt, presentDelivery } from './present.ts'
import { type ALL_TENANTS, checkId, type Scope, tenantFilterOf } from './scope.ts'

/** Which deliveries. All that is given holds together. */
export interface DeliverySelection {
  /** Default `'default'`. */
  tenant?: string | typeof ALL_TENANTS
  /** Those to this endpoint. Left out: to any. */
  endpointId?: string
  /** Those of this event. Left out: of any. */
  eventId?: string
  /** Those of events of exactly this type; no pattern. Left out: of any. */
  type?: string
  /** Those in this state, or in one of these. Left out: in any. */
  state?: DeliveryState | DeliveryState[]
  /** Created at or after. */
  since?: Date | string
  /** Created before. */
  until?: Date | string
  /** 1 to 500 delivery ids. */
  ids?: string[]
}

export const SELECTION_KEYS = ['tenant', 'endpointId', 'eventId', 'type', 'state', 'since', 'until', 'ids']

/** What each event became at each endpoint, and every request that was made for it. */
export interface Deliveries {
  /** Null: not found. */
  get(id: string): Promise<Delivery | null>
  /** Newest first. */
  list(filter?: DeliverySelection & PageOptions): Promise<Listed<Delivery>>
  /** The attempts of one delivery, in their order. Throws `delivery_not_found`. */
  attempts(id: string, page?: PageOptions): Promise<Listed<Attempt>>
}

export function deliveriesApi(core: Core, scope: Scope): Deliveries {
  const find = (id: string) => core.ask((storage) => storage.getDelivery({ id, tenant: scope.bound }))
  return {
    async get(value) {
      const delivery = await find(checkId(value, 'deliveries.get.id'))
      return delivery === null ? null : presentDelivery(delivery)
    },
    async list(filter = {}) {
      const input = plainObject(filter, 'deliveries.list', [...SELECTION_KEYS, 'limit', 'cursor'])
      const selection = checkSelection(input, 'deliveries.list', scope)
      const page = pageInput(input, 'deliveries.list', 'deliveries', selection)
      const found = await core.ask((storage) => storage.listDeliveries({ selection, ...page }))
      return listed(found, 'deliveries', selection, presentDelivery)
    },
    async attempts(value, options = {}) {
      const deliveryId = checkId(value, 'deliveries.attempts.id')
      const input = plainObject(options, 'deliveries.attempts', ['limit', 'cursor'])
      const page = pageInput(input, 'deliveries.attempts', 'attempts', deliveryId)
      if ((await find(deliveryId)) === null) {
        throw new WebhookError(
          'delivery_not_found',
          `there is no delivery ${deliveryId} here: retention may have removed it. Take the id from deliveries.list.`,
        )
      }
      const found = await core.ask((storage) => storage.listAttempts({ deliveryId, ...page }))
      return listed(found, 'attempts', deliveryId, presentAttempt)
    },
  }
}

/** Checks a selection and puts it in the form that storage takes. */
export function checkSelection(input: Record<string, unknown>, path: string, scope: Scope): Selection {
  const selection: Selection = {}
  const tenant = tenantFilterOf(input, path, scope)
  if (tenant !== null) selection.tenant = tenant
  if (input.endpointId !== undefined) selection.endpointId = checkId(input.endpointId, `${path}.endpointId`)
  if (input.eventId !== undefined) selection.eventId = checkId(input.eventId, `${path}.eventId`)
  if (input.type !== undefined) selection.type = checkType(input.type, `${path}.type`)
  if (input.state !== undefined) selection.states = statesOf(input.state, `${path}.state`)
  if (input.since !== undefined) selection.since = time(input.since, `${path}.since`)
  if (input.until !== undefined) selection.until = time(input.until, `${path}.until`)
  if (input.ids !== undefined) selection.ids = list(input.ids, `${path}.ids`, { min: 1, max: 500 }, checkId)
  if (selection.since !== undefined && selection.until !== undefined && selection.since >= selection.until) {
    throw new ArgumentError('argument_invalid', `${path}.until`, 'must be later than since')
  }
  return selection
}

function statesOf(value: unknown, path: string): DeliveryState[] {
  const states = Array.isArray(value) ? value : [value]
  return list(states, path, { min: 1, max: DELIVERY_STATES.length }, (state, at) => oneOf(state, at, DELIVERY_STATES))
}
