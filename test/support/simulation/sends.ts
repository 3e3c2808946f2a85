import type { EventInput } from '../../../src/api/check-event.ts'
import type { SendResult } from '../../../src/api/send.ts'
import { call } from './calls.ts'
import type { Chance } from './chance.ts'
import type { SimProcess } from './process.ts'
import type { World } from './world.ts'

/** Events that the host sends, and what it may believe after each answer. */

/** What the many endpoints of a crowd listen to. */
export const CROWD_TYPE = 'crowd.called'

const TYPES = ['invoice.paid', 'invoice.failed', 'user.created', 'user.profile.changed'] as const

interface Sent {
  number: number
  input: EventInput
}

export class Sends {
  readonly #world: World
  readonly #chance: Chance
  readonly #keyed: Sent[] = []
  /** How often each number was sent. */
  readonly #times = new Map<number, number>()
  /** Events of which the host was told that they are accepted. */
  readonly acknowledged = new Set<string>()
  /** Numbers of which the host was told that nothing was accepted. */
  readonly refused = new Set<number>()
  #last = 0
  #crowdSends = 0

  constructor(world: World, chance: Chance) {
    this.#world = world
    this.#chance = chance
  }

  /** One event, or one sent before with its key. Returns its type. */
  send(process: SimProcess): string {
    const sent = this.#next(process)
    const { number, input } = sent
    this.#times.set(number, (this.#times.get(number) ?? 0) + 1)
    const expected = ['busy', 'endpoint_not_found', 'idempotency_conflict']
    if ('body' in input && input.body.byteLength > 2_048) expected.push('payload_too_large')
    void call(this.#world, {
      process,
      name: `send ${number} ${input.type} ${input.idempotencyKey ?? ''}`,
      expected,
      make: () => process.sender!.send(input),
      done: (result) => this.#acknowledge(process, sent, result),
      refused: (code) => this.#refuse(number, code),
    })
    return input.type
  }

  #next(process: SimProcess): Sent {
    const chance = this.#chance
    if (this.#keyed.length > 0 && chance.of(0.1)) return chance.pick(this.#keyed)
    this.#last += 1
    const number = this.#last
    const input = this.#input(process, number)
    const sent = { number, input }
    if (input.idempotencyKey !== undefined) this.#keyed.push(sent)
    return sent
  }

  #input(process: SimProcess, number: number): EventInput {
    const chance = this.#chance
    const { tenants, crowd } = this.#world.plan
    const metadata: Record<string, string> = { send: String(number) }
    const tenant = chance.pick(tenants)
    const common = { tenant, type: chance.pick(TYPES) as string, metadata }
    if (crowd && this.#crowdSends < 2 && number > 3) {
      this.#crowdSends += 1
      return { ...common, tenant: tenants[0]!, type: CROWD_TYPE, data: { number } }
    }
    const variant = chance.weighted({
      plain: 8,
      key: 2,
      conflict: 0.5,
      later: 1,
      targeted: 1,
      raw: 1,
      large: 0.3,
      id: 0.5,
    })
    switch (variant) {
      case 'key':
        return { ...common, idempotencyKey: `key-${number}`, data: { number } }
      case 'conflict':
        return { ...common, idempotencyKey: chance.pick(this.#keyed)?.input.idempotencyKey ?? 'key', data: { number } }
      case 'later':
        return { ...common, deliverAt: new Date(process.clock.now() + chance.int(-5_000, 90_000)), data: { number } }
      case 'targeted':
        return { ...common, ...this.#target(tenant, metadata), data: { number } }
      case 'raw':
        return { ...common, body: chance.random.bytes(chance.int(0, 200)), contentType: 'application/octet-stream' }
      case 'large':
        return { ...common, body: new Uint8Array(2_049), contentType: 'application/octet-stream' }
      case 'id':
        return { ...common, id: `order-${chance.int(1, 5)}`, data: { number } }
      default:
        return { ...common, data: { number, text: 'x'.repeat(chance.int(0, 50)) } }
    }
  }

  #target(tenant: string, metadata: Record<string, string>): { endpoints?: string[] } {
    const own = [...this.#world.ledger.endpoints.values()].filter((endpoint) => endpoint.tenant === tenant)
    if (own.length === 0) return {}
    const endpoints = [this.#chance.pick(own).id]
    metadata.endpoints = endpoints.join()
    return { endpoints }
  }

  #acknowledge(process: SimProcess, { number, input }: Sent, result: SendResult): void {
    const { ledger } = this.#world
    const event = ledger.events.get(result.id)
    const told = `send ${number} by ${process.name}: ${JSON.stringify(result)}`
    if (event === undefined || !(ledger.accepted.get(number) ?? []).includes(result.id)) {
      ledger.violated('what is acknowledged is stored', told)
      return
    }
    this.acknowledged.add(result.id)
    if (!isOf(event.body, input)) ledger.violated('the bytes are those accepted', told)
    if (!result.duplicate && !event.background && result.deliveries !== event.expected.size) {
      ledger.violated('send tells how many deliveries there are', `${told}, not ${event.expected.size}`)
    }
  }

  #refuse(number: number, code: string): void {
    // This one says that it is not known.
    if (code === 'storage_unavailable') return
    if (this.#times.get(number) === 1) this.refused.add(number)
  }

  /** None of what was refused was accepted after all. */
  check(): void {
    const { ledger } = this.#world
    for (const number of this.refused) {
      if (this.#times.get(number) !== 1 || !ledger.accepted.has(number)) continue
      ledger.violated('what was refused was not accepted', `send ${number}: ${ledger.accepted.get(number)}`)
    }
  }
}

function isOf(body: Uint8Array, input: EventInput): boolean {
  if ('body' in input) return Buffer.from(body).equals(input.body)
  const { type, data } = JSON.parse(Buffer.from(body).toString())
  return type === input.type && JSON.stringify(data) === JSON.stringify(input.data)
}
