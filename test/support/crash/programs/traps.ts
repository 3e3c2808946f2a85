import type { Transport } from 'hookferry'
import type { Storage } from 'hookferry/storage'
import { type Fate, keyOf, type SenderConfig, type Trap } from '../messages.ts'
import { stopwatch } from './loop-probe.ts'
import { report } from './report.ts'

type Call = () => Promise<unknown>

/** Every method of `inner` goes through `around`; production code knows nothing of it. */
function wrapped<T extends object>(inner: T, around: (name: string, call: Call, args: unknown[]) => unknown): T {
  return new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function' || typeof name !== 'string') return value
      return (...args: unknown[]) => around(name, () => value.apply(target, args), args)
    },
  })
}

function meet(fate: Fate, where: string): void {
  report({ is: 'trapped', trap: where })
  if (fate === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (fate === 'stop') process.kill(process.pid, 'SIGSTOP')
  else if (fate === 'exit') process.exit(7)
  else if (fate === 'abort') process.abort()
  // Outside any promise, as a host's own mistake would be.
  else setImmediate(() => Promise.reject(new Error('the host crashed')))
}

/** The traps of one life, and what it is to report of its storage and transport. */
export class Traps {
  /** The longest storage call since it was last set to 0. */
  longest = { ms: 0, name: '' }
  attempts = 0
  readonly #config: SenderConfig
  readonly #set: { trap: Trap; calls: number }[] = []
  #settled = 0

  constructor(config: SenderConfig) {
    this.#config = config
    for (const trap of config.traps ?? []) this.set(trap)
  }

  set(trap: Trap): void {
    this.#set.push({ trap, calls: 0 })
  }

  storage(inner: Storage): Storage {
    return wrapped(inner, (name, call, args) => this.#around(name, this.#timed(name, call, args)))
  }

  transport(inner: Transport): Transport {
    return wrapped(inner, (name, call, args) =>
      name === 'send' ? this.#around(name, this.#request(call, args)) : call(),
    )
  }

  /** SQLite works within the call itself, before there is a promise. */
  #timed(name: string, call: Call, args: unknown[]): Call {
    const timed: Call = () => {
      const elapsed = stopwatch()
      const answer = call()
      const ms = elapsed()
      if (ms > this.longest.ms) this.longest = { ms, name }
      return answer
    }
    return name === 'settle' ? () => this.#settle(timed, args) : timed
  }

  async #settle(call: Call, [input]: unknown[]): Promise<unknown> {
    const { settlements } = input as Parameters<Storage['settle']>[0]
    const result = (await call()) as Awaited<ReturnType<Storage['settle']>>
    result.statuses.forEach((status, index) => {
      if (status === 'applied') this.#settled += 1
      const attempt = settlements[index]?.attempt
      const id = attempt?.requestHeaders['webhook-id']
      // A lost attempt was another's: nothing of this process ends with it.
      if (!this.#config.verbose || attempt === undefined || id === undefined) return
      report({ is: 'settled', key: keyOf(id, attempt.url), status, outcome: attempt.outcome })
    })
    return result
  }

  #request(call: Call, [input]: unknown[]): Call {
    const { headers, url } = input as Parameters<Transport['send']>[0]
    return async () => {
      this.attempts += 1
      if (this.#config.verbose) report({ is: 'request', key: keyOf(headers['webhook-id'] ?? '', url) })
      const response = (await call()) as Awaited<ReturnType<Transport['send']>>
      const fate = this.#config.crashOnHeader
      if (fate !== undefined && response.headers['x-crash'] !== undefined) {
        meet(fate, 'x-crash')
        if (fate === 'throw') await new Promise(() => {})
      }
      return response
    }
  }

  #around(name: string, call: Call): Promise<unknown> {
    for (const set of this.#set) {
      const { on, when, nth, afterMs, armedAfter, fate } = set.trap
      if (on !== name || this.#settled < (armedAfter ?? 0)) continue
      set.calls += 1
      if (set.calls !== nth) continue
      const where = `${when} ${on}`
      if (when === 'after') return this.#after(call, fate, where)
      if (when === 'during') setTimeout(() => meet(fate, where), afterMs ?? 0)
      else meet(fate, where)
    }
    return call()
  }

  async #after(call: Call, fate: Fate, where: string): Promise<unknown> {
    const result = await call()
    meet(fate, where)
    return result
  }
}
