import { expect, it } from 'vitest'
import { decide } from '../../../src/pipeline/decide.ts'

it('hears the rejection of whatever can be awaited, and counts it as default', async () => {
  let heard = false
  const other = {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library is what this is about
    then(_done: unknown, failed: (error: Error) => void) {
      heard = true
      failed(new Error('no'))
    },
  }
  const { answer, error } = decide(
    () => other,
    () => null,
    'retry.decide',
  )
  expect(answer).toBe('default')
  expect(error).toMatchObject({ code: 'argument_invalid' })
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toBe(true)
})
