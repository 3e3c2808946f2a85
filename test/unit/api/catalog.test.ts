import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvents, event } from '../../../src/catalog.ts'

/** What a catalogue is made of, and what is refused. */

const broken = (what: unknown) => what as never

describe('event', () => {
  it('takes the schemas of libraries, objects and functions alike', () => {
    const standard = { version: 1 as const, vendor: 'own', validate: (value: unknown) => ({ value }) }
    const callable = Object.assign(() => {}, { '~standard': standard })
    for (const schema of [z.object({}), v.object({}), { '~standard': standard }, callable]) {
      expect(event(schema).schema).toBe(schema)
    }
  })

  it('has no schema when it is given none', () => {
    expect(event<{ a: 1 }>()).toEqual({ schema: null })
  })

  it.each([
    // A circle of imports, mostly: it must not pass for a type without a schema.
    ['undefined', undefined],
    ['null', null],
    ['a class', Date],
    ['JSON schema', { type: 'object' }],
    ['another version', { '~standard': { version: 2, vendor: 'own', validate: () => ({ value: 1 }) } }],
    ['no validate', { '~standard': { version: 1, vendor: 'own' } }],
  ])('refuses %s', (_what, given) => {
    expect(() => event(broken(given))).toThrow(expect.objectContaining({ code: 'argument_type', path: 'event.schema' }))
  })
})

describe('defineEvents', () => {
  it('keeps what it was given, and can not be changed', () => {
    const paid = event<number>()
    const given = { 'invoice.paid': paid }
    const events = defineEvents(given)
    expect(events).toEqual({ 'invoice.paid': paid })
    expect(events).not.toBe(given)
    expect(Object.isFrozen(events)).toBe(true)
    expect(Object.isFrozen(paid)).toBe(true)
  })

  it('has no names when it is given types alone', () => {
    expect(defineEvents<{ 'invoice.paid': number }>()).toEqual({})
  })

  it('takes names that every object has', () => {
    expect(Object.keys(defineEvents({ constructor: event(), toString: event() }))).toEqual(['constructor', 'toString'])
  })

  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'argument_type', 'defineEvents'],
    ['no type', {}, 'argument_missing', 'defineEvents'],
    ['an array', [event()], 'argument_type', 'defineEvents'],
    ['a name with a space', { 'invoice paid': event() }, 'argument_invalid', 'defineEvents["invoice paid"]'],
    ['a name with an empty segment', { 'a..b': event() }, 'argument_invalid', 'defineEvents["a..b"]'],
    ['a pattern', { 'invoice.*': event() }, 'argument_invalid', 'defineEvents["invoice.*"]'],
    ['an empty name', { '': event() }, 'argument_invalid', 'defineEvents[""]'],
    ['a name too long', { ['x'.repeat(129)]: event() }, 'argument_invalid', `defineEvents["${'x'.repeat(129)}"]`],
    ['a bare schema', { a: z.string() }, 'argument_type', 'defineEvents["a"]'],
    ['text', { a: 'string' }, 'argument_type', 'defineEvents["a"]'],
    ['null', { a: null }, 'argument_type', 'defineEvents["a"]'],
    ['event, not called', { a: event }, 'argument_type', 'defineEvents["a"]'],
  ])('refuses %s', (_what, given, code, path) => {
    expect(() => defineEvents(broken(given))).toThrow(expect.objectContaining({ code, path }))
  })

  it('says what to do with a bare schema', () => {
    expect(() => defineEvents(broken({ a: z.string() }))).toThrow(/event\(schema\)/)
  })
})
