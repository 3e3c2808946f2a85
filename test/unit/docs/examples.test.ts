import { describe, expect, it } from 'vitest'
import { checksOf, RUN_BY_PACKAGING, tasks } from '../../support/docs/examples.ts'
import { brokenLinks, read, tableOf } from '../../support/docs/markdown.ts'

describe('examples/README.md', () => {
  const rows = tableOf(read('examples/README.md'), 'example', 'what it shows')
  const listed = rows.map(([link = '']) => /\]\(([^)]+)\)/.exec(link)?.[1] ?? '')

  it('lists every example, once', () => {
    expect([...listed].sort()).toEqual(tasks().sort())
  })

  it('says what each one shows', () => {
    for (const [example, shows = ''] of rows) expect(shows, example).not.toBe('')
  })

  it('has no broken link', () => {
    expect(brokenLinks('examples/README.md')).toEqual([])
  })
})

it.each(RUN_BY_PACKAGING)('examples/%s is run by test/packaging', (task) => {
  expect(read('test/packaging/run.ts')).toContain(`examples/${task}`)
})

describe.each(tasks().filter((task) => !RUN_BY_PACKAGING.includes(task)))('examples/%s', (task) => {
  // They are what test/e2e/examples.test.ts runs.
  it('checks itself', () => {
    const checks = checksOf(task)
    expect(checks.length).toBeGreaterThan(0)
    for (const check of checks) expect(read(`examples/${check}`), check).toMatch(/assert|\.check\(|runDemo\(/)
  })
})
