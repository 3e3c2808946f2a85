import type { EndpointRecord } from '../../../src/model/endpoint.ts'
import type { WebhookSender } from '../../../src/sender.ts'
import type { Method } from './disk.ts'
import type { RequestModel } from './model.ts'
import { type MachineTime, ProcessClock } from './process-clock.ts'
import type { StorageFault } from './storage-faults.ts'

/** Where a process is to die: at its next call of a method, before or after the commit. */
export interface Trap {
  method: Method
  fault: StorageFault
}

/** One run of one sender, from its making to its stop or death. */
export class SimProcess {
  readonly name: string
  readonly machine: MachineTime
  readonly clock: ProcessClock
  readonly inFlight = new Set<RequestModel>()
  /** Changes of endpoints that storage wrote for this process, in their order. */
  readonly changes: { id: string; state: EndpointRecord['state'] | 'deleted' }[] = []
  sender: WebhookSender | null = null
  dead = false
  stopping = false
  stopped = false
  closed = false
  transportClosed = false
  trapped: Trap | null = null
  /** Calls to storage that were not answered as they should have been. */
  troubles = 0
  /** Those that were answered late. */
  slows = 0

  constructor(name: string, machine: MachineTime) {
    this.name = name
    this.machine = machine
    this.clock = new ProcessClock(machine)
  }

  /** Whether calls can be made to it. */
  get alive(): boolean {
    return !this.dead && !this.stopped
  }

  trueNow(): number {
    return this.machine.world.now()
  }

  trueMonotonic(): number {
    return this.machine.world.monotonic()
  }

  trap(method: Method): StorageFault | null {
    if (this.trapped?.method !== method) return null
    const { fault } = this.trapped
    this.trapped = null
    return fault
  }

  crash(): void {
    this.dead = true
    this.clock.die()
    this.inFlight.clear()
  }
}
