import type { ManualClock } from '../../../src/ports/clock.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import type { Transport } from '../../../src/ports/transport.ts'
import { createWebhookSender } from '../../../src/sender.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { Chance } from './chance.ts'
import { Disk } from './disk.ts'
import { Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'
import { SimProcess } from './process.ts'
import { MachineTime } from './process-clock.ts'
import { processStorage } from './process-storage.ts'
import { StorageFaults } from './storage-faults.ts'
import { Network, processTransport } from './transport.ts'
import type { Turns } from './turns.ts'

/** How a test breaks something on purpose, to see that it is noticed. */
export interface Sabotage {
  /** The storage that all processes share. */
  disk?: (storage: Storage) => Storage
  /** What one process sees of it. */
  storage?: (storage: Storage, process: SimProcess) => Storage
  transport?: (transport: Transport, process: SimProcess) => Transport
}

export interface WorldOptions {
  plan: Plan
  storage: Storage
  turns: Turns
  sabotage?: Sabotage
}

/** Two machines with a sender each, one storage, one network, and the true time. */
export class World {
  readonly plan: Plan
  readonly turns: Turns
  readonly clock: ManualClock = manualClock()
  readonly ledger: Ledger
  readonly disk: Disk
  readonly network: Network
  readonly faults: StorageFaults
  readonly machines: MachineTime[]
  /** The process of each machine; null: none runs there. */
  readonly running: (SimProcess | null)[] = [null, null]
  readonly processes: SimProcess[] = []
  /** Calls that were not answered yet. */
  readonly calls = new Set<Promise<void>>()
  readonly #sabotage: Sabotage

  constructor({ plan, storage, turns, sabotage = {} }: WorldOptions) {
    this.plan = plan
    this.turns = turns
    this.ledger = new Ledger(plan, () => this.clock.now())
    this.disk = new Disk(sabotage.disk?.(storage) ?? storage, this.ledger)
    this.ledger.disk = this.disk
    this.network = new Network(new Chance(plan.seed, 1), plan.crashes)
    this.faults = new StorageFaults(new Chance(plan.seed, 2))
    this.machines = [new MachineTime(this.clock), new MachineTime(this.clock)]
    this.#sabotage = sabotage
  }

  /** A new process with a sender that is not started yet. `clock`: one that the sender may move on itself. */
  boot(machine: number, { mayAdvance = false } = {}): SimProcess {
    const { plan, ledger } = this
    const process = new SimProcess(`p${this.processes.length}`, this.machines[machine]!)
    const advance = {
      advanceTo: this.clock.advanceTo,
      advanceBy: this.clock.advanceBy,
      nextTimerAt: this.clock.nextTimerAt,
    }
    const clock = {
      now: () => process.clock.now(),
      monotonic: () => process.clock.monotonic(),
      after: (ms: number, fn: () => void) => process.clock.after(ms, fn),
      ...(mayAdvance ? advance : {}),
    }
    const given = processStorage(process, this.disk, this.faults, ledger)
    const storage = this.#sabotage.storage?.(given, process) ?? given
    const random = new Chance(plan.seed, 100 + this.processes.length).random
    const network = processTransport(process, this.network, ledger)
    const transport = this.#sabotage.transport?.(network, process) ?? network
    const runtime = { clock, random, resolve: this.network.resolve }
    const sender = createWebhookSender({ ...plan.options, storage, transport, runtime })
    sender.on('error', ({ error, context }) => {
      ledger.note(() => `${process.name} error: ${context}: ${error.message}`)
      if (!isOfStorage(error))
        ledger.violated('nothing fails in the background but storage', `${context}: ${error.stack}`)
    })
    process.sender = sender
    this.processes.push(process)
    this.running[machine] = process
    ledger.note(() => `${process.name} boots on machine ${machine}`)
    return process
  }

  /** The processes to which calls can be made. */
  alive(): SimProcess[] {
    return this.running.filter((process): process is SimProcess => process?.alive ?? false)
  }

  /** Makes a call without waiting for it. */
  call(work: Promise<void>): void {
    const call: Promise<void> = work.finally(() => this.calls.delete(call))
    this.calls.add(call)
  }

  /** All that can go on while the clock stands still has come to its end. */
  async quiet(): Promise<void> {
    if (await this.turns.quiet()) return
    // With nothing left to turn to, the run ends here.
    for (const process of this.processes) process.crash()
    this.ledger.violated('the engine does not spin while there is nothing to do', `at ${this.clock.now()}`)
  }

  /** Moves the true time on, from timer to timer, each of them coming to its end before the next. */
  async pass(ms: number): Promise<void> {
    await this.quiet()
    const end = this.clock.now() + ms
    for (let next = this.clock.nextTimerAt(); next !== null && next <= end; next = this.clock.nextTimerAt()) {
      this.clock.advanceTo(next)
      await this.quiet()
      if (this.ledger.violations.length > 0) return
    }
    this.clock.advanceTo(end)
    await this.quiet()
  }

  /** Moves the true time on until something is so. False: it was not within that time. */
  async passUntil(done: () => boolean, ms: number): Promise<boolean> {
    const end = this.clock.now() + ms
    await this.quiet()
    while (!done() && this.ledger.violations.length === 0) {
      const next = this.clock.nextTimerAt()
      if (next === null || next > end) return false
      this.clock.advanceTo(next)
      await this.quiet()
    }
    return true
  }
}

function isOfStorage(error: Error): boolean {
  return 'code' in error && String(error.code).startsWith('storage_')
}
