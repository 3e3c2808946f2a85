import { expect, it } from 'vitest'
import { loadDriver } from '../../../src/transports/undici/driver.ts'

function notFound(): never {
  throw Object.assign(new Error("Cannot find module 'undici'"), { code: 'MODULE_NOT_FOUND' })
}

it('is undici 7', () => {
  expect(loadDriver().Client).toBeTypeOf('function')
})

it.each([
  ['is missing', notFound, 'driver_missing'],
  ['is of another major version', () => ({ version: '8.0.0' }), 'driver_unsupported'],
])('says what to install when it %s', (_name, load, code) => {
  expect(() => loadDriver(load)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining('npm install undici@7') }),
  )
})
