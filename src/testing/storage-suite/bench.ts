import type { Storage } from '../../ports/storage.ts'
import type { Bench } from './behaviour.ts'
import { NOW } from './fixtures.ts'
import type { HostTransaction, StorageHome } from './home.ts'
import { patient } from './patient.ts'

/** Runs a check over the data of a place; whatever the check leaves open is closed. */
export async function withBench(home: StorageHome, check: (bench: Bench) => Promise<void>): Promise<void> {
  const opened = new Set<Storage>()
  const transactions = transactionsOf(home)
  const second = async () => {
    const storage = patient(await home.connect())
    await storage.open({ now: NOW, warn: () => {} })
    opened.add(storage)
    return storage
  }
  const closeAll = async () => {
    for (const storage of opened) {
      opened.delete(storage)
      await storage.close()
    }
  }
  const reopen = async () => {
    await closeAll()
    return second()
  }
  try {
    const { begin } = transactions
    const concurrentTransactions = home.concurrentTransactions ?? false
    await check({ storage: await second(), reopen, second, begin, concurrentTransactions })
  } finally {
    await transactions.endAll()
    await closeAll()
  }
}

function transactionsOf(home: StorageHome) {
  const open = new Set<HostTransaction>()
  return {
    async begin(): Promise<HostTransaction> {
      if (home.begin === undefined) throw new Error('The home of an adapter with `transactions` has to have `begin`.')
      const begun = await home.begin()
      open.add(begun)
      const ending = (end: () => Promise<void>) => () => {
        open.delete(begun)
        return end()
      }
      return {
        tx: begun.tx,
        commit: ending(() => begun.commit()),
        rollback: ending(() => begun.rollback()),
      }
    },
    /** Those that a failed case left open: its data could not be removed otherwise. */
    async endAll(): Promise<void> {
      for (const one of open) await one.rollback()
    },
  }
}
