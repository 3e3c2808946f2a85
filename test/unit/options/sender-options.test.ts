import { createWebhookSender } from 'hookferry'
import { afterEach, describe, expect, it } from 'vitest'
import { optionDocs, optionPaths } from '../../support/docs/option-docs.ts'
import { stopAll } from '../engine/rig.ts'
import { DELIVERING } from './delivering.ts'
import { knownBy } from './harness.ts'
import { KEEPING } from './keeping.ts'
import { PLUGGED_IN } from './plugged-in.ts'

afterEach(stopAll)

/** Every option of `createWebhookSender`. A new one gets a case in the file to which it belongs. */
const CASES = { ...PLUGGED_IN, ...DELIVERING, ...KEEPING }

describe('each option of createWebhookSender does what it says', () => {
  it.each(Object.entries(CASES))('%s', (_, check) => check())

  it('and none is without a case, nor known to the types alone, or at run time alone', async () => {
    const paths = optionPaths('src/options.ts', 'SenderOptions')
    expect(paths.filter((path) => !(path in CASES))).toEqual([])
    const documented = [...optionDocs('src/options.ts', 'SenderOptions').keys()]
    expect(Object.keys(CASES).filter((path) => !documented.includes(path))).toEqual([])
    const known = await knownBy(async () => createWebhookSender({ unheard: 1 } as object))
    expect(known.sort()).toEqual(documented.filter((path) => !path.includes('.')).sort())
  })
})
