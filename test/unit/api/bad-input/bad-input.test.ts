import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stopAll } from '../../engine/rig.ts'
import type { Cases } from './kinds.ts'
import { endpoints } from './tables/endpoints.ts'
import { listsAndReplays } from './tables/lists-and-replays.ts'
import { send, sendIn } from './tables/send.ts'
import { senderCalls } from './tables/sender.ts'
import { createWorld, dump, methodNames, methodOf, type World } from './world.ts'

/** Every argument of every public call, given wrong: a typed error that names the argument, and nothing written. */

const TABLES: Record<string, Cases> = { send, sendIn, ...endpoints, ...listsAndReplays, ...senderCalls }

/** They take nothing, so nothing can be wrong. */
const WITHOUT_ARGUMENTS = [
  'start',
  'health',
  'resealSecrets',
  String(Symbol.asyncDispose),
  'run.progress',
  'run.cancel',
]

let world: World
/** All that storage held after the last call that was accepted. */
let held: unknown
beforeAll(async () => {
  world = await createWorld()
  held = await dump(world.storage)
})
afterAll(stopAll)

async function errorOf(name: string, args: unknown[]): Promise<Record<string, unknown>> {
  try {
    await methodOf(world, name)(...args)
  } catch (error) {
    return error as Record<string, unknown>
  }
  throw new Error(`${name} was not refused`)
}

describe.each(Object.entries(TABLES))('%s', (name, { refused, accepted }) => {
  it.each(refused)('refuses $given', async ({ given, args, code, path }) => {
    const call = given.startsWith('acme: ') ? `acme:${name}` : name
    const error = await errorOf(call, args(world))
    expect(error).toBeInstanceOf(Error)
    expect({ code: error.code, path: error.path }).toEqual({ code, path })
    expect(error.name).toBe(path === undefined ? 'WebhookError' : 'ArgumentError')
    if (path !== undefined) expect(error).toBeInstanceOf(TypeError)
    // More than the bare place: what is wrong, and by that what to do.
    expect(String(error.message).length).toBeGreaterThan((path ?? '').length + 10)
    expect(String(error.message)).not.toMatch(/undefined is|Cannot read|must be a number, not a number/)
    expect(await dump(world.storage)).toEqual(held)
  })

  if (accepted.length > 0) {
    it.each(accepted)('accepts $given', async ({ args }) => {
      await methodOf(world, name)(...args(world))
      held = await dump(world.storage)
    })
  }
})

describe('this table', () => {
  it('has every public call', () => {
    const calls = [
      'createWebhookSender',
      'standardWebhooks',
      'hmacHeader',
      ...methodNames(world.sender),
      ...methodNames(world.run).map((name) => `run.${name}`),
    ]
    expect([...Object.keys(TABLES), ...WITHOUT_ARGUMENTS].sort()).toEqual(calls.sort())
    for (const name of methodNames(world.acme)) expect(calls).toContain(name)
  })

  it('has every field of every argument', async () => {
    for (const [name, { refused }] of Object.entries(TABLES)) {
      const paths = refused.map(({ path }) => path ?? '')
      for (const { args, code, path = '' } of refused) {
        if (code !== 'argument_unknown' || !path.endsWith('.nonesuch')) continue
        const { message } = await errorOf(name, args(world))
        const fields = (String(message).split('known are ')[1] ?? '').split(', ')
        expect(fields, path).not.toEqual([''])
        for (const field of fields) {
          const place = path.replace(/nonesuch$/, field)
          const has = paths.some((one) => one === place || one.startsWith(`${place}[`) || one.startsWith(`${place}.`))
          expect(has, `${name} has a case for ${place}`).toBe(true)
        }
      }
    }
  })
})
