import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { chartSvg } from './chart.ts'
import { FIGURES, isMet, type KeptReport, shown, targetOf, told } from './report.ts'

/** `npm run bench:page`: makes `docs/operations/performance-figures.md` and its charts of what the benchmarks kept. */

const CHARTS = `${FIGURES}charts/`

const reports = readdirSync(FIGURES)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length))
  .sort()
  .map((name): KeptReport => JSON.parse(readFileSync(`${FIGURES}${name}.json`, 'utf8')))

rmSync(CHARTS, { recursive: true, force: true })
mkdirSync(CHARTS, { recursive: true })
for (const chart of reports.flatMap(({ charts = [] }) => charts)) {
  writeFileSync(`${CHARTS}${chart.name}.svg`, chartSvg(chart))
}
const text = `# Figures

Written by \`npm run bench:page\` from the files in [figures](figures), one for each benchmark: do not edit.
What they mean, and what stands in the way where a target is not met, is told in [performance](performance.md).

${reports.map(section).join('\n')}`
writeFileSync(`${FIGURES}../performance-figures.md`, text)

function section({ title, command, setting, machine, measuredOn, figures, charts = [] }: KeptReport): string {
  const rows = figures.map((figure) => {
    const target = targetOf(figure)
    const spread = figure.runs === undefined ? '' : spreadOf(figure.runs, figure.unit)
    return `| ${figure.label} | ${shown(figure)} | ${spread} | ${target} | ${target === '' ? '' : isMet(figure) ? 'met' : '**not met**'} |`
  })
  return `## ${title}
\`${command}\`, ${measuredOn}. ${told({ ...machine, ...setting })}.

| figure | value | lowest to highest run | target | |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
${charts.map((chart) => `\n![${chart.title}](figures/charts/${chart.name}.svg)\n`).join('')}`
}

function spreadOf(runs: readonly number[], unit: string | undefined): string {
  const of = (value: number) => shown(unit === undefined ? { value } : { value, unit })
  return `${of(Math.min(...runs))} to ${of(Math.max(...runs))}`
}
