import { type RequestLike, type RequestParts, verify } from 'hookferry/verify'

/** What a case asks for beside its request. */
export interface Asked {
  secrets: string[]
  now: number
  toleranceMs: number
}

/** What came out, in a form that two runtimes can be compared by. */
export async function verdictOf(request: RequestLike | RequestParts, asked: Asked): Promise<unknown> {
  const { secrets, now, toleranceMs } = asked
  try {
    const { body, ...event } = await verify(request, secrets, { now: () => now, toleranceMs })
    return JSON.parse(JSON.stringify({ passed: true, event, body: [...body] }))
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string }
    return { passed: false, name, code, message }
  }
}
