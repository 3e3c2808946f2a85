import type { Chart } from './report.ts'
import { shown } from './report.ts'

const WIDTH = 720
const LABELS = 330
const VALUES = 90
const ROW = 30
const TOP = 44

/** Horizontal bars, as an SVG that follows the reader's light or dark theme by itself. */
export function chartSvg({ title, unit, bars }: Chart): string {
  const height = TOP + bars.length * ROW + 10
  const longest = Math.max(...bars.map(({ value }) => value))
  const rows = bars.map(({ label, value, bare = false }, index) => {
    const y = TOP + index * ROW
    const length = Math.max(1, ((WIDTH - LABELS - VALUES) * value) / longest)
    return `  <text x="${LABELS - 10}" y="${y + 16}" text-anchor="end">${escaped(label)}</text>
  <rect x="${LABELS}" y="${y + 2}" width="${length.toFixed(1)}" height="20" rx="2" class="${bare ? 'bare' : 'ours'}"/>
  <text x="${(LABELS + length + 8).toFixed(1)}" y="${y + 16}">${escaped(shown({ value, unit }))}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 15px }
    .ours { fill: #0b66c3 }
    .bare { fill: #9aa4af }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #58a6ff } .bare { fill: #6e7781 } }
  </style>
  <text class="title" x="10" y="24">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
