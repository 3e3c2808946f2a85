import { describe, expect, it } from 'vitest'
import { brokenLinks, documents, read, region, snippets } from '../../support/docs/markdown.ts'

describe.each(documents())('%s', (document) => {
  it('has no broken link', () => {
    expect(brokenLinks(document)).toEqual([])
  })

  // The pages of adapters show what no example of ours can run, such as an operator's commands; those of the reference, types.
  it.skipIf(/^docs\/(adapters|reference)\//.test(document))(
    'shows code only as it stands in an example, which is run',
    () => {
      for (const { source, code } of snippets(read(document))) {
        expect(source, code).not.toBeNull()
        expect(code).not.toMatch(/#(end)?region/)
        expect(code).toBe(region(source ?? ''))
      }
    },
  )
})

describe('README.md', () => {
  it('is short', () => {
    expect(read('README.md').split('\n').length).toBeLessThan(300)
  })

  it('sends in about fifteen lines', () => {
    const lines = region('examples/quick-start.ts#send').trim().split('\n')
    expect(lines.length).toBeLessThanOrEqual(17)
  })

  it('receives in about ten', () => {
    const lines = region('examples/quick-start.ts#receive').trim().split('\n')
    expect(lines.length).toBeLessThanOrEqual(15)
  })
})
