import { plainObject } from '../arguments.ts'
import type { CheckedEvent, WrittenEvent } from '../pipeline/send.ts'
import { checkData, written } from './check-data.ts'
import { checkType } from './check-event.ts'
import type { Core } from './core.ts'
import { endpointAccess } from './endpoint-access.ts'
import { type Attempt, presentAttempt } from './present.ts'
import { checkId, type Scope } from './scope.ts'
import { prepare } from './send.ts'

/** What a test sends. `Type`: the catalogue's names. */
export interface EndpointTest<Type extends string = string> {
  /** Default `'webhook.test'`, which no catalogue needs to have. One that is given is checked as by `send`, and so is its data. */
  type?: Type
  /** What JSON can write. Default `{}`. */
  data?: unknown
}

/** A request to try an endpoint by. */
export interface EndpointTests<Type extends string = string> {
  /**
   * Makes one request as for a real event, with an id of its own, and returns what became of it: same bytes, signature, checks of the
   * address, deadline. Whatever state the endpoint is in, and before `start`, too. Nothing of it is kept or told to listeners, its
   * health stays as it is, and it is not repeated. At most 16 at once in a process, 4 of one tenant. A `stop` whose grace is over ends
   * it as `aborted`. Throws `endpoint_not_found`, `busy` (retryable), `event_invalid`, `payload_too_large`, `stopped`.
   */
  test(id: string, event?: EndpointTest<Type>): Promise<Attempt>
}

export function endpointTests(core: Core, scope: Scope): EndpointTests {
  const { find } = endpointAccess(core, scope)
  return {
    async test(value, event = {}) {
      const id = checkId(value, 'endpoints.test.id')
      const content = await writtenTest(core, event, 'endpoints.test')
      const endpoint = await find(id)
      const { engine } = await core.ready()
      core.clock.keepUp().catch(() => {})
      const prepared = prepare(core, { ...content, tenant: endpoint.tenant })
      return presentAttempt(await engine.test(prepared.event, endpoint))
    },
  }
}

const TYPE = 'webhook.test'

/** The event of a test, which is nowhere kept: whose it is follows from its endpoint. */
function writtenTest(core: Core, value: unknown, path: string): WrittenEvent | Promise<WrittenEvent> {
  const { type, data = {} } = plainObject(value, path, ['type', 'data'])
  const event = (name: string): CheckedEvent => ({ ...NOTHING_MORE, tenant: '', type: name, content: { data } })
  // The type of a test need not be one of the catalogue; one that is given is held to it as by send.
  if (type === undefined) return written(core, event(TYPE), path)
  return checkData(core, event(checkType(type, `${path}.type`)), path)
}

/** What `send` could have been given besides. */
const NOTHING_MORE = Object.freeze({
  id: null,
  occurredAt: null,
  deliverAt: null,
  idempotencyKey: null,
  orderingKey: null,
  headers: {},
  endpointIds: null,
  metadata: {},
})
