import type { LifecycleEvents } from 'hookferry'

/** How the demo speaks: plain text, with a little colour where somebody watches. */

const coloured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = paint(1)
const dim = paint(2)
export const red = paint(31)
export const green = paint(32)
const yellow = paint(33)

const began = performance.now()

/** Seconds since the demo began. */
export const elapsed = (): number => (performance.now() - began) / 1_000

export function say(text = ''): void {
  console.log(text)
}

let chapters = 0

export function chapter(title: string): void {
  chapters += 1
  say(`\n${bold(`${chapters}  ${title}`)}`)
}

/** An indented line of a chapter. */
export function tell(text: string): void {
  say(`   ${text}`)
}

/** Something that happened by itself, with its moment. */
export function note(text: string): void {
  tell(`${dim(`${elapsed().toFixed(2).padStart(5)} s`)}  ${text}`)
}

export function noteAttempt(endpoint: string, event: string, news: LifecycleEvents['attempt']): void {
  const { attempt, nextAttemptAt } = news
  const good = attempt.outcome === 'delivered'
  const status = (good ? green : red)(String(attempt.status ?? attempt.outcome))
  const next = nextAttemptAt === null ? (good ? 'delivered' : 'no further attempt') : again(attempt, nextAttemptAt)
  note(`${endpoint.padEnd(10)}  ${event.padEnd(13)}  attempt ${attempt.number}  ${status}  ${next}`)
}

function again(attempt: LifecycleEvents['attempt']['attempt'], nextAttemptAt: Date): string {
  const waitMs = nextAttemptAt.getTime() - attempt.startedAt.getTime() - (attempt.durationMs ?? 0)
  return yellow(`again in ${(waitMs / 1_000).toFixed(1)} s`)
}

type Cell = string | number

/** Columns as wide as they need to be; numbers stand to the right. */
export function table(head: string[], rows: Cell[][]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => String(row[column]).length)))
  const line = (cells: Cell[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  tell(dim(line(head)))
  for (const row of rows) tell(line(row))
}
