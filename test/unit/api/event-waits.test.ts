import { expect, it } from 'vitest'
import { EventWaits } from '../../../src/api/event-waits.ts'
import { Lifecycle } from '../../../src/engine/lifecycle.ts'

const NAMES = ['delivery.delivered', 'delivery.failed', 'delivery.canceled'] as const

it('what comes to rest is heard of while anybody waits, and no longer', () => {
  const lifecycle = new Lifecycle(null)
  const waits = new EventWaits(lifecycle)
  const heard = () => NAMES.map((name) => lifecycle.wants(name))
  for (let round = 0; round < 2; round++) {
    expect(heard()).toEqual([false, false, false])
    const first = waits.begin('evt_1')
    const second = waits.begin('evt_2')
    expect(heard()).toEqual([true, true, true])
    waits.end('evt_1', first)
    expect(heard()).toEqual([true, true, true])
    waits.end('evt_2', second)
    waits.end('evt_2', second)
  }
  expect(heard()).toEqual([false, false, false])
})
