import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from 'hookferry/sqlite'
import { afterAll, describe } from 'vitest'
import { secretsUnderLoad } from '../support/secrets-under-load.ts'

const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('SQLite', () => secretsUnderLoad(() => sqlite({ path: join(folder, 'webhooks.db') })))
