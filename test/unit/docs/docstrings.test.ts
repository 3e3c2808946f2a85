import { expect, it } from 'vitest'
import { entryPoints, undocumented } from '../../support/docs/public-face.ts'

it('finds the subpaths', () => {
  expect([...entryPoints().keys()]).toContain('hookferry')
})

// The exported symbols, and every type of ours that they mention, whether it is exported or not.
it('every public symbol, member, option and method has a docstring', () => {
  expect(undocumented()).toEqual([])
}, 60_000)
