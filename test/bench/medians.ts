import { type Figure, median, type Target } from './report.ts'

/** What one run measured, by the keys of the definitions. */
export type Measured = Record<string, number>

/** Of a figure: its key, what it is, its unit, and what it is to reach. */
export type Definition = readonly [key: string, label: string, unit?: string | undefined, target?: Target]

/** Each figure as the median of the runs. */
export function medians(definitions: readonly Definition[], runs: readonly Measured[]): Figure[] {
  return definitions.map(([key, label, unit, target]) =>
    median(
      label,
      runs.map((run) => run[key] ?? Number.NaN),
      { ...(unit !== undefined && { unit }), ...(target !== undefined && { target }) },
    ),
  )
}
