import type { Count, CountInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { AT_REST } from './rows.ts'
import { scanDown } from './scan.ts'

export function countAtRest(db: Connection, { selection, examine, after }: CountInput): Count {
  const from = startOf(after, selection.until)
  const rows = scanDown<Examined>(db, { selection, among: AT_REST, from })
  const { items, next } = takePage(rows, { limit: examine, examine, after }, () => null)
  return { count: items.length, next }
}
