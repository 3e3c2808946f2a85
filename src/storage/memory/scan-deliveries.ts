import type { Selection } from '../../model/replay.ts'
import type { Page, PageInput } from '../../ports/storage.ts'
import { OrderedRows } from './ordered-rows.ts'
import { takePage } from './page.ts'
import { candidates, isOfStates, matcherOf } from './selection.ts'
import type { DeliveryRow, Tables } from './tables.ts'

/** One page of the deliveries that match, newest first, as `record` makes them. */
export function scanDeliveries<T>(
  tables: Tables,
  { selection, ...page }: { selection: Selection } & PageInput,
  isWanted: (row: DeliveryRow) => boolean,
  record: (row: DeliveryRow) => T,
): Page<T> {
  const isOfSelection = matcherOf(selection)
  return takePage(rowsOf(tables, selection).down(page.after), page, {
    placeOf: ({ createdAt, key }) => ({ at: createdAt, key }),
    matches: (row) => isOfSelection(row) && isOfStates(row, selection) && isWanted(row),
    record,
  })
}

function rowsOf(tables: Tables, selection: Selection): OrderedRows<DeliveryRow> {
  const few = candidates(tables, selection)
  if (few === null) return tables.deliveriesByCreation
  const rows = new OrderedRows<DeliveryRow>((row) => row.createdAt)
  for (const row of few) rows.add(row)
  return rows
}
