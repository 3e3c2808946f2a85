import { WebhookError } from '../../../src/errors.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import type { Disk, Input, Method, Output } from './disk.ts'
import type { Ledger } from './ledger.ts'
import type { SimProcess } from './process.ts'
import { never } from './process-clock.ts'
import type { StorageFault, StorageFaults } from './storage-faults.ts'

/** How one process sees the shared storage: with faults in between, and for ever silent once it is dead. */

const READS: ReadonlySet<string> = new Set<Method>([
  'pendingFanOuts',
  'dueLanes',
  'expiredLeases',
  'nextDueAt',
  'getReplay',
  'runningReplays',
  'replayProgress',
  'countAtRest',
  'getEndpoint',
  'listEndpoints',
  'endpointChanges',
  'getEvent',
  'eventProgress',
  'deliveriesOf',
  'missedEvents',
  'listReplays',
  'listEvents',
  'getDelivery',
  'listDeliveries',
  'listAttempts',
  'stats',
])

/** Hints come in real time: the simulated engine goes without, by polling alone. */
const OWN: ReadonlySet<string> = new Set([
  'name',
  'supports',
  'open',
  'close',
  'onWork',
  'transactionMode',
  'insertEventIn',
])

export function processStorage(process: SimProcess, disk: Disk, faults: StorageFaults, ledger: Ledger): Storage {
  const call = async (method: Method, input: Input): Promise<Output> => {
    if (process.closed) ledger.violated('nothing is asked of a storage that was closed', `${process.name} ${method}`)
    if (process.dead) return never()
    const fault = process.trap(method) ?? faults.draw(method, process.trueNow())
    if (fault !== 'none') {
      ledger.faults.push(fault)
      ledger.note(() => `${process.name} ${method}: ${fault}`)
    }
    if (fault === 'slowBefore' || fault === 'slowAfter') process.slows += 1
    else if (fault !== 'none') process.troubles += 1
    refuse(fault, method)
    if (fault === 'slowBefore') await delay(process, faults)
    if (fault === 'crashBefore') process.crash()
    if (process.dead) return never()
    const output = await disk.call(process, method, input)
    if (fault === 'crashAfter') process.crash()
    if (fault === 'slowAfter') await delay(process, faults)
    if (process.dead) return never()
    if (fault === 'doubtful') throw unavailable()
    ledger.answered(process, method, output)
    return output
  }
  const methods = Object.keys(disk.storage).filter((key) => !OWN.has(key)) as Method[]
  return {
    ...Object.fromEntries(methods.map((method) => [method, (input: Input) => call(method, input)])),
    name: disk.storage.name,
    supports: disk.storage.supports,
    open: async ({ now }) => {
      refuse(faults.draw('open', process.trueNow()), 'open')
      // Closed before, when something else failed at its opening.
      process.closed = false
      return disk.open(now)
    },
    close: async () => {
      process.closed = true
    },
  } as Storage
}

function refuse(fault: StorageFault, method: string): void {
  if (fault === 'busy') throw new WebhookError('storage_busy', 'simulated: busy', { retryable: true })
  if (fault === 'unavailable') throw unavailable()
  if (READS.has(method)) return
  if (fault === 'full') throw new WebhookError('storage_full', 'simulated: full', { retryable: true })
  if (fault === 'readOnly') throw new WebhookError('storage_read_only', 'simulated: read-only')
}

function unavailable(): WebhookError {
  return new WebhookError('storage_unavailable', 'simulated: the connection broke', { retryable: true })
}

function delay(process: SimProcess, faults: StorageFaults): Promise<void> {
  const ms = faults.delayMs()
  return new Promise((resolve) => {
    process.machine.world.after(ms, () => resolve())
  })
}
