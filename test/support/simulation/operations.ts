import type { EndpointInput, EndpointPatch } from '../../../src/api/check-endpoint.ts'
import type { DeliverySelection } from '../../../src/api/deliveries.ts'
import { call } from './calls.ts'
import { assertCanceled } from './cancellations.ts'
import type { Chance } from './chance.ts'
import type { Method } from './disk.ts'
import type { EndpointModel } from './model.ts'
import type { SimProcess } from './process.ts'
import { CROWD_TYPE, type Sends } from './sends.ts'
import { BURSTS } from './storage-faults.ts'
import { BEHAVIOURS } from './transport.ts'
import type { World } from './world.ts'

/** What happens in a run, one thing after the other, as the seed chooses. */

const PATTERNS = [null, ['invoice.*'], ['user.**'], ['*.created', 'invoice.paid'], ['invoice.paid'], ['**']]
const CRASH_AT: readonly Method[] = [
  'insertEvents',
  'claimDue',
  'settle',
  'insertSlice',
  'stepReplay',
  'insertBackfill',
  'cancelEvent',
  'releaseLeases',
]
/** What stop may take for its last settlements, and a deaf transport for its end. */
const LAST_MS = 5_500
const GONE = ['endpoint_not_found', 'endpoint_state_invalid']

export class Operations {
  readonly #world: World
  readonly #chance: Chance
  readonly #sends: Sends
  #hosts = 0

  constructor(world: World, chance: Chance, sends: Sends) {
    this.#world = world
    this.#chance = chance
    this.#sends = sends
  }

  /** One thing happens, and mostly some time passes. */
  async step(): Promise<void> {
    const { plan, clock } = this.#world
    const { storageFaults, crashes, clockJumps, leapMs } = plan
    const chance = this.#chance
    const deed = chance.weighted({
      send: 10,
      start: 2,
      create: 0.7,
      update: 1,
      hold: 1,
      goOn: 1.2,
      remove: 0.3,
      replay: 0.8,
      cancel: 0.8,
      backfill: 1,
      weather: 2,
      burst: storageFaults ? 1.5 : 0,
      crash: crashes ? 1.2 : 0,
      stop: 0.5,
      scene: 1.5,
      jump: clockJumps ? 1 : 0,
    })
    this.#supervise()
    for (let times = deed === 'send' ? chance.int(1, 4) : 1; times > 0; times--) this.#do(deed)
    if (chance.of(0.2)) return
    const until = (clock.nextTimerAt() ?? clock.now()) - clock.now()
    const ms = chance.weighted({ next: 4, short: 4, long: 1.5 })
    await this.#world.pass(ms === 'next' ? until : chance.int(1, ms === 'short' ? 3_000 : leapMs))
  }

  #do(deed: string): void {
    const chance = this.#chance
    const { network, faults, clock, plan, machines } = this.#world
    if (deed === 'start') this.#start()
    else if (deed === 'burst') {
      faults.burst(chance.pick(BURSTS), chance.pick([0.3, 0.7, 1]), clock.now() + chance.int(1, 20_000))
    } else if (deed === 'weather') network.set(`e${chance.int(1, this.#hosts)}.example`, chance.pick(BEHAVIOURS))
    else if (deed === 'jump') chance.pick(machines).jump(chance.int(-plan.leapMs, plan.leapMs))
    else {
      const alive = this.#world.alive()
      if (alive.length > 0) this.#ask(deed, chance.pick(alive))
    }
  }

  #ask(deed: string, process: SimProcess): void {
    if (deed === 'send') this.#send(process)
    else if (deed === 'create') void this.create(process)
    else if (deed === 'crash') this.#crash(process)
    else if (deed === 'stop') void this.stop(process, this.#chance.pick([0, 500, 10_000]))
    else if (deed === 'scene') this.#scene(process)
    else if (deed === 'cancel') this.#cancel(process)
    else {
      const endpoint = this.#anEndpoint()
      if (endpoint === undefined) return
      if (deed === 'replay') this.#replay(process, endpoint)
      else if (deed === 'backfill') this.#backfill(process, endpoint)
      else this.#change(deed, process, endpoint)
    }
  }

  #send(process: SimProcess): void {
    if (this.#sends.send(process) !== CROWD_TYPE) return
    // While the event is spread, slowly, an endpoint comes that shall not have it.
    const { faults, clock, plan } = this.#world
    if (plan.storageFaults) faults.burst('slow', 0.5, clock.now() + 5_000)
    clock.after(this.#chance.int(0, 500), () => {
      if (process.alive) void this.create(process, { tenant: plan.tenants[0]!, eventTypes: [CROWD_TYPE] })
    })
  }

  /** Things that cross each other, which chance alone rarely brings together. */
  #scene(process: SimProcess): void {
    const chance = this.#chance
    const { faults, clock, plan, network } = this.#world
    const deed = chance.pick(['hold', 'update', 'remove', 'cancel', 'stop', 'crash'])
    if (deed === 'crash' && !plan.crashes) return
    if (plan.storageFaults) {
      faults.burst(
        chance.pick(['lateLeases', 'lateLeases', 'lateVerdicts', 'slow', 'broken', 'mixed']),
        0.6,
        clock.now() + chance.int(500, 5_000),
      )
    }
    network.set(`e${chance.int(1, this.#hosts)}.example`, chance.pick(['hanging', 'failing', 'flaky']))
    for (let times = chance.int(2, 5); times > 0; times--) this.#sends.send(process)
    if (deed === 'stop')
      clock.after(chance.int(0, 50), () => process.alive && !process.stopping && void this.stop(process, 0))
    else if (deed === 'cancel') clock.after(chance.int(0, 200), () => process.alive && this.#cancel(process))
    else this.#ask(deed, process)
  }

  /** What has died is mostly started again soon. */
  #supervise(): void {
    for (const [machine, process] of this.#world.running.entries()) {
      if (process?.dead && this.#chance.of(0.4)) this.#start(machine)
    }
  }

  #change(deed: string, process: SimProcess, endpoint: EndpointModel): void {
    const { id } = endpoint
    const endpoints = process.sender!.endpoints
    const before = process.changes.length
    const alone = endpoint.callsOpen === 0
    endpoint.callsBegun += 1
    const begun = endpoint.callsBegun
    endpoint.callsOpen += 1
    const verb = deed === 'goOn' ? (endpoint.state === 'disabled' ? 'enable' : 'resume') : deed
    const make = {
      update: () => endpoints.update(id, { ...this.#patch(), ...this.#move(endpoint) }),
      hold: () => endpoints.pause(id),
      resume: () => endpoints.resume(id),
      enable: () => endpoints.enable(id),
      remove: () => endpoints.delete(id),
    }[verb]
    void call<unknown>(this.#world, {
      process,
      name: `${verb} ${id}`,
      expected: GONE,
      make: make!,
      done: () => {
        endpoint.callsOpen -= 1
        if (endpoint.deleted || (verb === 'hold' && endpoint.state !== 'active')) endpoint.heldBy.add(process)
      },
      refused: (code) => {
        endpoint.callsOpen -= 1
        const to = { hold: 'paused', resume: 'active', enable: 'active', remove: 'deleted' }[verb]
        const own = process.changes.slice(before).some((change) => change.id === id && change.state === to)
        // Calls that cross each other may each see the other's change.
        if (own && GONE.includes(code) && alone && endpoint.callsBegun === begun) {
          const told = `${verb} ${id} by ${process.name}: ${code}, but it was written`
          this.#world.ledger.violated('a call that was carried out is not refused', told)
        }
      },
    })
  }

  #anEndpoint(): EndpointModel | undefined {
    const all = [...this.#world.ledger.endpoints.values()]
    const kept = all.filter((endpoint) => !endpoint.deleted)
    return this.#chance.pick(this.#chance.of(0.95) ? kept : all)
  }

  #start(machine = this.#chance.int(0, 1)): void {
    const { running } = this.#world
    const process = running[machine]?.alive ? running[machine] : this.#world.boot(machine)
    if (process.stopping) return
    void call(this.#world, { process, name: 'start', make: () => process.sender!.start() })
  }

  create(process: SimProcess, input: Partial<EndpointInput> = {}): Promise<void> {
    const chance = this.#chance
    this.#hosts += 1
    const host = `e${this.#hosts}.example`
    const settings = {
      tenant: chance.pick(this.#world.plan.tenants),
      url: `https://${host}/`,
      ...this.#patch(),
      ...input,
    }
    if (settings.eventTypes === null) delete (settings as Partial<EndpointInput>).eventTypes
    const name = `create ${host} ${JSON.stringify(settings)}`
    return call(this.#world, { process, name, make: () => process.sender!.endpoints.create(settings as EndpointInput) })
  }

  #patch(): EndpointPatch & { eventTypes: string[] | null } {
    const chance = this.#chance
    const { rateLimits, options } = this.#world.plan
    const patch: EndpointPatch & { eventTypes: string[] | null } = { eventTypes: chance.pick(PATTERNS) }
    if (chance.of(0.2)) patch.concurrency = chance.int(1, 5)
    if (chance.of(0.2)) patch.retry = { delaysMs: [...options.retry.delaysMs!].slice(0, 2), jitter: 0.1 }
    if (rateLimits && chance.of(0.5))
      patch.rateLimit = { limit: chance.int(1, 10), perMs: chance.pick([1_000, 10_000]) }
    return patch
  }

  /** To another path of the same host. */
  #move({ url }: EndpointModel): { url?: string } {
    return this.#chance.of(0.3) ? { url: `${url}v` } : {}
  }

  #replay(process: SimProcess, endpoint: EndpointModel): void {
    const chance = this.#chance
    const event = chance.pick([...this.#world.ledger.events.values()])
    const ids = [...this.#world.ledger.deliveriesById.keys()]
    const since = new Date(process.clock.now() - chance.int(1, 600_000))
    const { tenant } = endpoint
    const selections: DeliverySelection[] = [
      { tenant, endpointId: endpoint.id },
      { tenant, state: chance.pick(['failed', 'canceled', 'delivered']) },
      { tenant, since },
    ]
    if (event !== undefined) selections.push({ tenant: event.tenant, eventId: event.id })
    if (ids.length > 0) selections.push({ tenant, ids: [chance.pick(ids), chance.pick(ids)] })
    const selection = chance.pick(selections)
    const perSecond = chance.pick(this.#world.plan.crowd ? [undefined] : [undefined, 1, 20])
    void call<unknown>(this.#world, {
      process,
      name: `replay ${JSON.stringify(selection)}`,
      make: () => process.sender!.replay(selection, perSecond === undefined ? {} : { perSecond }),
    })
  }

  /** Mostly one of the last, since what has come to rest is not canceled. */
  #cancel(process: SimProcess): void {
    const { ledger } = this.#world
    const ids = [...ledger.events.keys()]
    const id = this.#chance.pick(this.#chance.of(0.8) ? ids.slice(-4) : ids)
    if (id === undefined) return
    void call<unknown>(this.#world, {
      process,
      name: `cancel ${id}`,
      make: () => process.sender!.events.cancel(id),
      done: () => assertCanceled(ledger, id),
    })
  }

  /** Mostly the newest, which has missed what came before it. */
  #backfill(process: SimProcess, any: EndpointModel): void {
    const chance = this.#chance
    const newest = [...this.#world.ledger.endpoints.values()].findLast((endpoint) => !endpoint.deleted)
    const { id: endpointId, tenant } = newest !== undefined && chance.of(0.7) ? newest : any
    const event = chance.pick([...this.#world.ledger.events.values()])
    const narrower = event === undefined ? {} : chance.pick([{}, {}, { type: event.type }, { eventId: event.id }])
    const selection = { tenant, endpointId, ...narrower }
    const perSecond = chance.pick(this.#world.plan.crowd ? [undefined] : [undefined, 1, 20])
    void call<unknown>(this.#world, {
      process,
      name: `backfill ${JSON.stringify(selection)}`,
      expected: ['endpoint_not_found'],
      make: () => process.sender!.backfill(selection, perSecond === undefined ? {} : { perSecond }),
    })
  }

  #crash(process: SimProcess): void {
    const { ledger } = this.#world
    if (this.#chance.of(0.4)) {
      ledger.note(() => `${process.name} crashes`)
      process.crash()
    } else {
      const fault = this.#chance.of(0.6) ? 'crashAfter' : 'crashBefore'
      process.trapped = { method: this.#chance.pick(CRASH_AT), fault }
      ledger.note(() => `${process.name} will ${fault} ${process.trapped?.method}`)
    }
  }

  stop(process: SimProcess, graceMs: number): Promise<void> {
    const { ledger } = this.#world
    // Called again, it waits for the end of the first call, whatever grace that one gave.
    const first = !process.stopping
    process.stopping = true
    const began = process.trueMonotonic()
    return call(this.#world, {
      process,
      name: `stop ${graceMs}`,
      make: () => process.sender!.stop({ graceMs }),
      done: () => {
        process.stopped = true
        const took = process.trueMonotonic() - began
        if (first && took > graceMs + LAST_MS && process.slows + process.troubles === 0) {
          ledger.violated('stop ends soon after its grace', `${took} ms, ${graceMs} ms of grace, in ${process.name}`)
        }
        if (process.clock.pending > 0)
          ledger.violated('stop leaves no timer', `${process.clock.pending} of ${process.name}`)
        if (process.inFlight.size > 0) ledger.violated('stop ends what is in flight', process.name)
        for (const { key, lease } of ledger.deliveries.values()) {
          // One that ran out before it was known of is left to whoever reclaims it.
          const live = lease !== null && process.clock.now() < lease.until
          if (live && lease.process === process && lease.answered && process.troubles === 0) {
            ledger.violated('stop leaves no lease behind', `${key} #${lease.claim} of ${process.name}`)
          }
        }
      },
    })
  }
}
