import { expect, it } from 'vitest'
import { IN_FORCE_MAX, OVERLAP_MS } from '../../../src/api/endpoint-secrets.ts'
import { amountOf } from '../../support/docs/amounts.ts'
import { read } from '../../support/docs/markdown.ts'

/** What is said of rotations, wherever it is said. */

const amounts = (text: string, pattern: RegExp) => pattern.exec(text)?.slice(1).map(amountOf)

it('the docstring and the guide tell how long old secrets go on signing', () => {
  const { min, max, default: usual } = OVERLAP_MS
  const docstring = /go on signing, (0 ms) to (30 days)\. Default (24 h)\./
  expect(amounts(read('src/api/endpoint-secrets.ts'), docstring)).toEqual([min, max, usual])
  expect(amounts(read('docs/guides/signing.md'), /\| (24 h), or (0 ms) to (30 days);/)).toEqual([usual, min, max])
})

it('the guide and the README tell how many may be in force', () => {
  expect(amounts(read('docs/guides/signing.md'), /at most (\d+) secrets/)).toEqual([IN_FORCE_MAX])
  expect(
    amounts(read('README.md'), /(\d+) in force; after a rotation the old ones sign for (24 h), .* up to (30 days)/),
  ).toEqual([IN_FORCE_MAX, OVERLAP_MS.default, OVERLAP_MS.max])
})
