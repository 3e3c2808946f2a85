import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freshPath, openStorage } from './fixtures.ts'

const CHILD = fileURLToPath(new URL('./open-race-child.ts', import.meta.url))

test('processes that make the same file at the same moment end up with one schema', async () => {
  const path = freshPath()
  const children = [1, 2, 3].map(() => fork(CHILD, [path], { execArgv: ['--import', 'tsx'] }))
  const exits = children.map((child) => once(child, 'exit'))
  await Promise.all(children.map((child) => once(child, 'message')))
  for (const child of children) child.send('go')
  const answers = await Promise.all(children.map(async (child) => (await once(child, 'message'))[0]))
  await Promise.all(exits)

  expect(answers).toEqual([1, 2, 3].map(() => ({ version: 1 })))
  const storage = await openStorage(path)
  const { items } = await storage.listEndpoints({
    changedSince: null,
    tenant: null,
    states: null,
    limit: 9,
    examine: 9,
    after: null,
  })
  expect(items).toHaveLength(3)
})
