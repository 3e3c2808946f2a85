import { call } from './calls.ts'
import { isOpen } from './model.ts'
import type { Operations } from './operations.ts'
import type { SimProcess } from './process.ts'
import type { World } from './world.ts'

/** The end of a run: all faults are healed, and everything comes to rest or is held. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Longer than any storage call of the faulty time. */
const CALM_DOWN_MS = 60_000
/** Longer than any wait that is left then: schedules of started runs are short. */
const LONGEST_REST_MS = 2 * HOUR

export async function finish(world: World, operations: Operations, resumeAll: boolean): Promise<void> {
  const { ledger, plan } = world
  ledger.note(() => 'all faults are healed')
  world.faults.heal(world.clock.now())
  world.network.heal()
  for (const process of world.processes) process.trapped = null
  await world.pass(CALM_DOWN_MS)
  for (const machine of [0, 1]) if (!world.running[machine]?.alive) world.boot(machine)
  const [host] = world.alive() as [SimProcess]
  if (resumeAll) await goOn(world, host)
  if (plan.finish === 'drain') await drained(world, operations)
  else await delivered(world)
  if (ledger.violations.length > 0) return
  const rest = await unfinished(world)
  if (rest.length > 0) ledger.violated('everything comes to rest or is held', rest.slice(0, 5).join(', '))
  for (const process of world.alive()) {
    if (!process.stopping) void operations.stop(process, 0)
    await world.passUntil(() => process.stopped, CALM_DOWN_MS)
    if (!process.stopped) ledger.violated('stop comes to an end', process.name)
  }
}

async function goOn(world: World, process: SimProcess): Promise<void> {
  const { endpoints } = process.sender!
  for (const endpoint of world.ledger.endpoints.values()) {
    if (endpoint.deleted || endpoint.state === 'active') continue
    const make = () => (endpoint.state === 'paused' ? endpoints.resume(endpoint.id) : endpoints.enable(endpoint.id))
    void call<unknown>(world, { process, name: `go on ${endpoint.id}`, expected: ['endpoint_state_invalid'], make })
  }
  await world.pass(1_000)
}

/** By the senders that are started. */
async function delivered(world: World): Promise<void> {
  const { ledger, plan } = world
  for (const process of world.alive()) {
    void call(world, { process, name: 'start', make: () => process.sender!.start() })
  }
  const end = world.clock.now() + LONGEST_REST_MS
  while ((await unfinished(world)).length > 0 && world.clock.now() < end && ledger.violations.length === 0) {
    await world.passUntil(() => !ledger.unsettled(), HOUR / 10)
    await world.pass(plan.options.pollMs + 1)
  }
}

/** By a `drain` of another sender, after those that are started have stopped. */
async function drained(world: World, operations: Operations): Promise<void> {
  for (const process of world.alive()) {
    if (!process.stopping) void operations.stop(process, 1_000)
    await world.passUntil(() => process.stopped, CALM_DOWN_MS)
  }
  if (world.alive().length > 0) {
    world.ledger.violated('stop comes to an end', world.alive()[0]!.name)
    return
  }
  const process = world.boot(0, { mayAdvance: true })
  // The clock that it moves on is the world's.
  world.machines[0]!.jump(-world.machines[0]!.offsetMs)
  let done = false
  const until = new Date(world.clock.now() + 60 * DAY)
  const make = () =>
    process.sender!.drain({ until }).finally(() => {
      done = true
    })
  await call<unknown>(world, { process, name: 'drain', make })
  if (!done) world.ledger.violated('drain comes to an end', process.name)
}

/** What has neither come to rest nor is held. */
async function unfinished(world: World): Promise<string[]> {
  const { ledger, disk } = world
  const open = [...ledger.deliveries.values()].filter(isOpen).map(({ key, state }) => `${key} ${state}`)
  const fanOuts = await disk.storage.pendingFanOuts({ limit: 10 })
  const replays = await disk.storage.runningReplays({ limit: 10 })
  return [...open, ...fanOuts.map(({ event }) => `fan-out of ${event.id}`), ...replays.map(({ id }) => id)]
}
