import { expect, test } from 'vitest'
import { loadDriver } from '../../../src/storage/sqlite/driver.ts'

class Handle {}

/** As `require` would answer: these modules and no others. */
function installed(version: string, driver: () => unknown = () => Handle) {
  const asked: string[] = []
  const load = (name: string) => {
    asked.push(name)
    return name === 'better-sqlite3' ? driver() : { version }
  }
  return { asked, load }
}

test('the driver is missing', () => {
  const load = () => {
    throw Object.assign(new Error(`Cannot find module 'better-sqlite3'`), { code: 'MODULE_NOT_FOUND' })
  }
  expect(() => loadDriver(load)).toThrow(
    expect.objectContaining({ code: 'driver_missing', message: expect.stringContaining('npm install') }),
  )
})

test.each([
  ['13.0.0', '20.20.2', true],
  ['13.2.0', '22.13.1', true],
  ['13.2.0', '22.14.0', false],
  ['13.2.0', '24.0.0', false],
  ['12.11.1', '20.19.0', false],
  ['12.11.1', '24.18.0', false],
  ['12.11.1', '24.19.0', true],
])('better-sqlite3 %s on Node %s', (version, node, isRefused) => {
  const { asked, load } = installed(version)
  if (isRefused) {
    expect(() => loadDriver(load, node)).toThrow(expect.objectContaining({ code: 'driver_unsupported' }))
    // Loading its binary is what crashes.
    expect(asked).toEqual(['better-sqlite3/package.json'])
  } else {
    expect(loadDriver(load, node)).toBe(Handle)
  }
})

test('a binary built for another Node', () => {
  const { load } = installed('12.11.1', () => {
    throw Object.assign(new Error('NODE_MODULE_VERSION 115'), { code: 'ERR_DLOPEN_FAILED' })
  })
  expect(() => loadDriver(load, '20.20.2')).toThrow(
    expect.objectContaining({ code: 'driver_unsupported', message: expect.stringContaining('npm rebuild') }),
  )
})
