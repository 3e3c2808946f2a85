import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { Chance } from './chance.ts'
import { checkAll } from './final-checks.ts'
import { finish } from './finale.ts'
import type { Violation } from './ledger.ts'
import { Operations } from './operations.ts'
import { type Plan, planOf } from './plan.ts'
import { Sends } from './sends.ts'
import { takeTurns } from './turns.ts'
import { type Saboteur, World } from './world.ts'

export interface SimulateOptions {
  seed: number
  storage?: Storage
  saboteur?: Saboteur
}

export interface Report {
  plan: Plan
  violations: Violation[]
  trace: string[]
  figures: { events: number; deliveries: number; requests: number; lost: number; processes: number; virtualMs: number }
}

/** One run of a world in virtual time: the same seed brings the same run. */
export async function simulate({ seed, storage = memory(), saboteur }: SimulateOptions): Promise<Report> {
  const plan = planOf(seed)
  const turns = takeTurns()
  const world = new World({ plan, storage, turns, ...(saboteur && { saboteur }) })
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
      void operations.create(process, { tenant: plan.tenants[0]!, eventTypes: ['crowd.called'] })
    }
  }
  await world.turns.quiet()
  await process.sender!.start()
  await world.turns.quiet()
}

function report({ plan, ledger, processes, clock }: World): Report {
  const attempts = [...ledger.deliveries.values()].flatMap((delivery) => delivery.attempts)
  return {
    plan,
    violations: ledger.violations,
    trace: ledger.trace,
    figures: {
      events: ledger.events.size,
      deliveries: ledger.deliveries.size,
      requests: ledger.requests.length,
      lost: attempts.filter(({ outcome }) => outcome === 'lost').length,
      processes: processes.length,
      virtualMs: Math.round(clock.monotonic()),
    },
  }
}
