import { DEFAULTS, VERSION } from 'hookferry'
import { describe, expect, it } from 'vitest'
import { amountOf } from '../../support/docs/amounts.ts'
import { read, tableOf } from '../../support/docs/markdown.ts'
import { optionDocs } from '../../support/docs/option-docs.ts'

/** Every default by its path, such as `retry.jitter`. */
function defaultsByPath(group: object = DEFAULTS, path = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(group)) {
    if (typeof value !== 'object' || Array.isArray(value)) found.set(path + key, value)
    else for (const [inner, deep] of defaultsByPath(value, `${path}${key}.`)) found.set(inner, deep)
  }
  return found
}

describe('defaults', () => {
  const defaults = defaultsByPath()
  const docs = optionDocs('src/options.ts', 'SenderOptions')

  it.each([...defaults])('options.ts says that %s is %j', (path, value) => {
    const said = /Default:? ([^.:;]+(?:\.\d[^.:;]*)?)/.exec(docs.get(path) ?? '')?.[1]?.trim()
    expect(said, `the docstring of ${path} states its default`).toBeDefined()
    // Of the schedule it says where it begins and ends.
    if (path === 'retry.delaysMs') {
      const { delaysMs } = DEFAULTS.retry
      expect(said).toBe('5 s to 24 h, see `DEFAULTS`')
      expect(['5 s', '24 h'].map(amountOf)).toEqual([delaysMs[0], delaysMs.at(-1)])
    } else expect(amountOf(said ?? '')).toEqual(value)
  })

  it('are those of the README, each of them', () => {
    const rows = tableOf(read('README.md'), 'option', 'default', 'meaning')
    expect(new Map(rows.map(([path = '', said = '']) => [path, amountOf(said)]))).toEqual(defaults)
  })
})

describe('version', () => {
  it('is that of package.json', () => {
    expect(VERSION).toBe(JSON.parse(read('package.json')).version)
  })
})
