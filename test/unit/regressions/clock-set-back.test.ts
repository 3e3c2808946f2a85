import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memory } from '../../../src/storage/memory/index.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { createTestSender } from '../../../src/testing/test-sender.ts'

const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NOON = Date.UTC(2026, 0, 1, 12)
const HOUR = 3_600_000

const file = { path: join(folder, 'webhooks.db') }
const kept = memory()
describe.each([
  ['sqlite', () => sqlite(file)],
  ['memory', () => kept],
])('%s', (_name, storage) => {
  it('what was claimed by a clock that ran ahead does not hold up what is sent once it is right', async () => {
    const ahead = createTestSender({ storage: storage(), runtime: { clock: manualClock(NOON + 6 * HOUR) } })
    await ahead.sender.endpoints.create({ url: 'https://a.example/' })
    await ahead.sender.send({ type: 'a', data: 1 })
    expect(await ahead.sender.drain()).toMatchObject({ attempts: 1 })

    const right = createTestSender({ storage: storage(), runtime: { clock: manualClock(NOON) } })
    for (const data of [2, 3]) {
      await right.sender.send({ type: 'a', data })
      expect(await right.sender.drain()).toMatchObject({ attempts: 1 })
    }
    await ahead.sender.stop()
    await right.sender.stop()
  })
})
