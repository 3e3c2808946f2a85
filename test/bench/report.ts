import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { quantile } from './loop.ts'

/**
 * The form in which every benchmark tells its figures: a table with the targets beside them, and a JSON file in
 * `docs/operations/figures`, of which `npm run bench:page` makes the page and the charts of the docs.
 */

export interface Figure {
  label: string
  value: number
  /** Such as `ms` or `/s`. Left out: a ratio. */
  unit?: string
  target?: Target
  /** What the value is the median of. */
  runs?: number[]
}

export type Target = { atLeast: number } | { atMost: number }

export interface Bar {
  label: string
  value: number
  /** Drawn as what ours is compared with. */
  bare?: boolean
}

export interface Chart {
  /** Of the SVG file, in kebab-case. */
  name: string
  title: string
  unit: string
  bars: Bar[]
}

export interface Report {
  title: string
  /** The command that repeats it. */
  command: string
  /** What it was measured with, beside the machine: storage, thread mode, fsync policy, counts. */
  setting: Record<string, string | number>
  figures: Figure[]
  charts?: Chart[]
}

/** As it is kept: with the machine and the day. */
export type KeptReport = Report & { machine: Record<string, string | number>; measuredOn: string }

export const FIGURES: string = fileURLToPath(new URL('../../docs/operations/figures/', import.meta.url))

/** Prints the report, and keeps it for the docs under its name: kebab-case, one for each benchmark. */
export function publish(name: string, report: Report): void {
  const kept: KeptReport = { ...report, machine: machine(), measuredOn: new Date().toISOString().slice(0, 10) }
  print(kept)
  mkdirSync(FIGURES, { recursive: true })
  writeFileSync(`${FIGURES}${name}.json`, `${JSON.stringify(kept, null, 2)}\n`)
}

export function print({ title, figures, ...about }: Pick<Report, 'title' | 'figures' | 'setting'>): void {
  process.stdout.write(`\n${title}\n  ${told({ ...machine(), ...about.setting })}\n\n`)
  for (const figure of figures) {
    const target = targetOf(figure)
    const verdict = target === '' ? '' : `  target ${target}  ${isMet(figure) ? 'met' : 'NOT MET'}`
    process.stdout.write(`  ${figure.label.padEnd(72)} ${shown(figure).padStart(12)}${verdict}\n`)
  }
}

/** A figure that is the median of several runs. */
export function median(label: string, runs: readonly number[], more: Pick<Figure, 'unit' | 'target'> = {}): Figure {
  return { label, value: quantile(runs, 0.5), ...more, runs: [...runs] }
}

export function isMet({ value, target }: Figure): boolean {
  if (target === undefined) return true
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
}

export function shown({ value, unit }: Pick<Figure, 'value' | 'unit'>): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0
  const number = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === undefined ? number : unit.startsWith('/') || unit === '%' ? `${number}${unit}` : `${number} ${unit}`
}

export function targetOf({ target, unit }: Figure): string {
  if (target === undefined) return ''
  const [sign, value] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost]
  return `${sign} ${value.toLocaleString('en')}${unit === undefined ? '' : unit.startsWith('/') ? unit : ` ${unit}`}`
}

export function told(setting: Record<string, string | number>): string {
  return Object.entries(setting)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

function machine(): Record<string, string | number> {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  return { Node: process.versions.node, CPU: cpu?.model.trim() ?? '', cores: cpus().length, memory }
}
