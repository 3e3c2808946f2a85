import { isDeepStrictEqual } from 'node:util'
import { green, red, tell } from './narrate.ts'

/** What must have come true at the end, each with what was found. */
export class Facts {
  #wrong = 0
  #held = 0

  /** Whether everything checked up to now is as it should be. */
  get allHold(): boolean {
    return this.#wrong === 0 && this.#held > 0
  }

  get count(): number {
    return this.#held + this.#wrong
  }

  check(fact: string, found: unknown, expected: unknown): void {
    if (isDeepStrictEqual(found, expected)) {
      this.#held += 1
      tell(`${green('ok')}     ${fact}`)
      return
    }
    this.#wrong += 1
    tell(`${red('WRONG')}  ${fact}`)
    tell(`         expected ${JSON.stringify(expected)}`)
    tell(`         found    ${JSON.stringify(found)}`)
  }
}
