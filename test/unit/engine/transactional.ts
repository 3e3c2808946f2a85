import { ArgumentError } from '../../../src/errors.ts'
import type { InsertEventInInput, Storage, TransactionalStorage, TxInsertResult } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'

/** What stands for a transaction of the host's. */
export const TX = 'tx'

/** Memory storage with the face of one that takes part in transactions; each ends at once, by a commit. */
export function transactional(inner: Storage = memory()): TransactionalStorage<string, 'async'> {
  const insertEventIn = async (tx: string, { now, event }: InsertEventInInput): Promise<TxInsertResult> => {
    if (tx !== TX) throw new ArgumentError('argument_type', 'sendIn.tx', 'must be a transaction')
    const { tenant } = event.event
    const endpointsVersion = (await inner.endpointChanges({ tenant, since: 0 }))?.version ?? 0
    const whole = { ...event, endpointsVersion, fanOut: 'background' as const, deliveries: [] }
    const [result] = await inner.insertEvents({ now, worker: 'wrk', events: [whole] })
    if (result?.status === 'duplicate' || result?.status === 'conflict') return result
    return { status: 'inserted' }
  }
  return { ...inner, supports: { ...inner.supports, transactions: true }, transactionMode: 'async', insertEventIn }
}
