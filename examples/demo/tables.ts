import type { Attempt, Delivery } from 'hookferry'
import { bold, say, table, tell } from './narrate.ts'

type Naming = (delivery: Delivery) => string

export function showDeliveries(deliveries: Delivery[], endpointOf: Naming, eventOf: Naming): void {
  tell(bold('Deliveries: one event for one endpoint'))
  const rows = deliveries.map((delivery) => {
    const { id, state, reason, round, attemptCount, createdAt, endedAt } = delivery
    const outcome = reason === null ? state : `${state}: ${reason}`
    const tookMs = endedAt === null ? '' : endedAt.getTime() - createdAt.getTime()
    return [id, eventOf(delivery), endpointOf(delivery), outcome, round, attemptCount, tookMs]
  })
  table(['delivery', 'event', 'endpoint', 'state', 'round', 'attempts', 'took ms'], rows)
}

export function showAttempts(deliveries: Delivery[], attempts: Map<string, Attempt[]>, endpointOf: Naming): void {
  say()
  tell(bold('Attempts: one HTTP request each, in milliseconds by phase (no connect: a kept connection)'))
  const rows = deliveries.flatMap((delivery) =>
    (attempts.get(delivery.id) ?? []).map((attempt) => {
      const { number, round, startedAt, outcome, status, timings, durationMs } = attempt
      const phases = [timings?.connectMs, timings?.headersMs, timings?.bodyMs, durationMs].map(milliseconds)
      const started = startedAt.toISOString().slice(11, 23)
      return [delivery.id, endpointOf(delivery), number, round, started, outcome, status ?? '', ...phases]
    }),
  )
  const phases = ['connect', 'headers', 'body', 'in all'].map((title) => title.padStart(WIDTH))
  table(['delivery', 'endpoint', 'no.', 'round', 'started', 'outcome', 'status', ...phases], rows)
}

const WIDTH = 7

function milliseconds(value: number | null | undefined): string {
  return (typeof value === 'number' ? value.toFixed(1) : '').padStart(WIDTH)
}
