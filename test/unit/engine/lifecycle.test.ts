import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Lifecycle } from '../../../src/engine/lifecycle.ts'
import type { LifecycleEvents } from '../../../src/engine/lifecycle-events.ts'
import type { Logger } from '../../../src/ports/logger.ts'
import { quiet, rig, stopAll, URL_OK } from './rig.ts'

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)
beforeEach(() => {
  process.on('unhandledRejection', onUnhandled)
  process.on('uncaughtException', onUnhandled)
})
afterEach(async () => {
  await quiet(5)
  process.off('unhandledRejection', onUnhandled)
  process.off('uncaughtException', onUnhandled)
  expect(unhandled.splice(0)).toEqual([])
  await stopAll()
})

const completed: LifecycleEvents['replay.completed'] = {
  replayId: 'rpl_1',
  kind: 'replay',
  requeued: 1,
  skipped: 0,
}

function lifecycle() {
  const logged: object[] = []
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (fields) => logged.push(fields) }
  const made = new Lifecycle(logger)
  const errors: LifecycleEvents['error'][] = []
  made.on('error', (news) => errors.push(news))
  return { lifecycle: made, errors, logged }
}

describe('listeners', () => {
  it('hear what they asked for, each as often as it was given, until they end it', () => {
    const { lifecycle: made } = lifecycle()
    const heard: string[] = []
    const same = () => heard.push('same')
    const ends = [made.on('replay.completed', same), made.on('replay.completed', same)]
    made.on('attempt', () => heard.push('another'))
    made.emit('replay.completed', completed)
    expect(heard).toEqual(['same', 'same'])
    ends[0]?.()
    ends[0]?.()
    made.emit('replay.completed', completed)
    expect(heard).toEqual(['same', 'same', 'same'])
  })

  it('that another ends while they are told are not told any more', () => {
    const made = new Lifecycle(null)
    const heard: string[] = []
    made.on('replay.completed', () => {
      heard.push('first')
      end()
    })
    const end = made.on('replay.completed', () => heard.push('second'))
    made.emit('replay.completed', completed)
    expect(heard).toEqual(['first'])
  })

  it('may end themselves or add others while they are told', () => {
    const { lifecycle: made } = lifecycle()
    const heard: string[] = []
    const end = made.on('replay.completed', () => {
      heard.push('first')
      end()
      made.on('replay.completed', () => heard.push('late'))
    })
    made.on('replay.completed', () => heard.push('second'))
    made.emit('replay.completed', completed)
    expect(heard).toEqual(['first', 'second'])
    made.emit('replay.completed', completed)
    expect(heard).toEqual(['first', 'second', 'second', 'late'])
  })

  const boom = new Error('boom')
  const failing: Record<string, () => unknown> = {
    'that throw': () => {
      throw boom
    },
    'that reject': async () => {
      throw boom
    },
    'whose thenable rejects': () => ({
      // biome-ignore lint/suspicious/noThenProperty: another library's promise
      then: (_: unknown, reject: (error: Error) => void) => reject(boom),
    }),
  }
  it.each(Object.entries(failing))('%s are told by error, and the others hear all the same', async (_, listener) => {
    const { lifecycle: made, errors } = lifecycle()
    const heard: string[] = []
    made.on('replay.completed', listener as () => void)
    made.on('replay.completed', () => heard.push('other'))
    made.emit('replay.completed', completed)
    await quiet(3)
    expect(heard).toEqual(['other'])
    expect(errors).toEqual([{ error: boom, context: "a listener of 'replay.completed' threw" }])
  })

  it.each(Object.entries(failing))('of error %s are only logged, without an end of it', async (_, listener) => {
    const { lifecycle: made, logged } = lifecycle()
    made.on('error', listener as () => void)
    made.fail(new Error('first'), 'something')
    await quiet(3)
    expect(logged).toHaveLength(2)
    expect(logged[1]).toMatchObject({ err: boom })
  })

  it('anything that is thrown becomes an Error', () => {
    const { lifecycle: made, errors } = lifecycle()
    for (const thrown of ['text', undefined, Symbol('s'), Object.create(null)]) made.fail(thrown, 'here')
    expect(errors).toHaveLength(4)
    for (const { error } of errors) expect(error).toBeInstanceOf(Error)
  })

  it('nobody listening and no logger is silence, a logger that throws as well', () => {
    new Lifecycle(null).fail(new Error('unheard'), 'here')
    const broken = () => {
      throw new Error('of the logger')
    }
    const made = new Lifecycle({ debug: broken, info: broken, warn: broken, error: broken })
    const heard: unknown[] = []
    made.on('error', (news) => heard.push(news))
    made.fail(new Error('told'), 'here')
    expect(heard).toHaveLength(1)
  })
})

describe('a sender whose listeners all fail', () => {
  it('delivers all the same, and tells', async () => {
    const { sender, requests, errors } = rig()
    for (const name of ['attempt', 'delivery.delivered', 'delivery.failed', 'endpoint.disabled'] as const) {
      sender.on(name, async () => {
        throw new Error(`of ${name}`)
      })
      sender.on(name, () => {
        throw new Error(`at once of ${name}`)
      })
    }
    await sender.endpoints.create({ url: URL_OK })
    await sender.send({ type: 'a', data: 1 })
    await sender.drain()
    await quiet()
    expect(requests).toHaveLength(1)
    expect((await sender.deliveries.list()).items).toMatchObject([{ state: 'delivered' }])
    expect(errors.map(({ error }) => error.message).sort()).toEqual([
      'at once of attempt',
      'at once of delivery.delivered',
      'of attempt',
      'of delivery.delivered',
    ])
  })

  it('is told after the commit: a listener sees what storage holds', async () => {
    const { sender } = rig()
    const seen: unknown[] = []
    sender.on('delivery.delivered', async ({ deliveryId, attempts }) => {
      seen.push(attempts, (await sender.deliveries.get(deliveryId))?.state)
    })
    await sender.endpoints.create({ url: URL_OK })
    await sender.send({ type: 'a', data: 1 })
    await sender.drain()
    await quiet()
    expect(seen).toEqual([1, 'delivered'])
  })
})
