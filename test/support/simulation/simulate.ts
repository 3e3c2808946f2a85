import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { Chance } from './chance.ts'
import { checkAll } from './final-checks.ts'
import { finish } from './finale.ts'
import type { Violation } from './ledger.ts'
import { Operations } from './operations.ts'
import { type Plan, planOf } from './plan.ts'
import { CROWD_TYPE, Sends } from './sends.ts'
import { takeTurns } from './turns.ts'
import { type Sabotage, World } from './world.ts'

export interface SimulateOptions {
  seed: number
  storage?: Storage
  sabotage?: Sabotage
}

export interface Report {
  plan: Plan
  violations: Violation[]
  trace: string[]
  /** How often each thing came about. */
  figures: Record<string, number>
}

/** One run of a world in virtual time: the same seed brings the same run. */
export async function simulate({ seed, storage = memory(), sabotage }: SimulateOptions): Promise<Report> {
  const plan = planOf(seed)
  const turns = takeTurns()
  const world = new World({ plan, storage, turns, ...(sabotage && { sabotage }) })
  try {
    await run(world)
  } finally {
    turns.restore()
  }
  return report(world)
}

async function run(world: World): Promise<void> {
  const { plan, ledger } = world
  const sends = new Sends(world, new Chance(plan.seed, 3))
  const chance = new Chance(plan.seed, 4)
  const operations = new Operations(world, chance, sends)
  await begin(world, operations)
  for (let step = 0; step < plan.steps && ledger.violations.length === 0; step++) await operations.step()
  if (ledger.violations.length > 0) return
  await finish(world, operations, chance.of(0.5))
  if (ledger.violations.length === 0) await checkAll(world, sends)
}

async function begin(world: World, operations: Operations): Promise<void> {
  const process = world.boot(0)
  const { plan } = world
  for (let made = 0; made < plan.endpoints; made++) void operations.create(process)
  if (plan.crowd) {
    for (let made = 0; made < 300; made++) {
      void operations.create(process, { tenant: plan.tenants[0]!, eventTypes: [CROWD_TYPE] })
    }
  }
  await world.quiet()
  await process.sender!.start()
  await world.quiet()
}

function report({ plan, ledger, processes, clock }: World): Report {
  const deliveries = [...ledger.deliveries.values()]
  const count = (names: string[]) => {
    const counts: Record<string, number> = {}
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1
    return counts
  }
  return {
    plan,
    violations: ledger.violations,
    trace: ledger.trace,
    figures: {
      events: ledger.events.size,
      deliveries: deliveries.length,
      requests: ledger.requests.length,
      processes: processes.length,
      virtualMs: Math.round(clock.monotonic()),
      crashes: processes.filter((process) => process.dead).length,
      doubles: deliveries.filter(({ requests }) => requests.filter(({ status }) => status === 200).length > 1).length,
      replayed: deliveries.filter(({ replays }) => replays.size > 0).length,
      notRepeated: ledger.notRepeated,
      backfilled: [...ledger.backfills.values()].reduce((sum, { brought }) => sum + brought, 0),
      background: [...ledger.events.values()].filter((event) => event.background).length,
      ...count(deliveries.flatMap(({ attempts }) => attempts.map(({ outcome }) => `attempt ${outcome}`))),
      ...count(deliveries.map(({ state, reason }) => `delivery ${state}${reason === null ? '' : ` ${reason}`}`)),
      ...count(ledger.faults.map((fault) => `fault ${fault}`)),
      ...count([...ledger.endpoints.values()].map(({ state, deleted }) => `endpoint ${deleted ? 'deleted' : state}`)),
    },
  }
}
