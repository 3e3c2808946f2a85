import { defineEvents, event } from 'hookferry'
import { createTestSender, type SentEvent, type SentWebhook, type TestSender } from 'hookferry/testing'
import { expect, expectTypeOf, it } from 'vitest'

/** What the test kit makes of a catalogue. `npm run typecheck` is where this fails: nothing here is run. */

interface Invoice {
  invoice: string
  amount: number
  due?: Date
  lines: { item: string }[]
}

const events = defineEvents({ 'invoice.paid': event<Invoice>(), 'user.created': event<{ name: string }>() })
type Events = typeof events

declare const typed: TestSender<Events>
declare const plain: TestSender

function asserting() {
  // Some of the data, at any depth, as the receiver reads it: a date is text by then.
  typed.assertSent('invoice.paid', { lines: [{ item: 'cup' }], due: '2026-01-01T00:00:00.000Z' })
  typed.assertSent('invoice.paid', { amount: expect.any(Number), lines: expect.anything() })
  typed.assertSent('invoice.paid')
  // @ts-expect-error: there is no such type
  typed.assertSent('invoice.payed')
  // @ts-expect-error: not the data of this type
  typed.assertSent('invoice.paid', { name: 'Ada' })
  // @ts-expect-error: another type of value
  typed.assertSent('invoice.paid', { amount: '990' })
  // @ts-expect-error: there is no such type
  typed.assertNothingSent('invoice.payed')
  plain.assertSent('anything.at.all', { of: ['any', 'form'] })
}

function returned() {
  const webhook = typed.assertSent('invoice.paid')
  expectTypeOf(webhook).toEqualTypeOf<SentEvent<Events, 'invoice.paid'>>()
  expectTypeOf(webhook.data.due).toEqualTypeOf<string | undefined>()
  expectTypeOf(typed.sent('user.created')).toEqualTypeOf<SentEvent<Events, 'user.created'>[]>()
  expectTypeOf(typed.sent()).toEqualTypeOf<SentWebhook<Events>[]>()
  // @ts-expect-error: there is no such type
  typed.sent('user.deleted')
  expectTypeOf(plain.assertSent('a').data).toBeUnknown()
}

function narrowed(sent: SentWebhook<Events>): string | null {
  switch (sent.type) {
    case 'invoice.paid':
      expectTypeOf(sent.data.amount).toBeNumber()
      return sent.data.invoice
    case 'user.created':
      return sent.data.name
    default:
      expectTypeOf(sent.data).toBeNull()
      return sent.data
  }
}

it('is typed by the catalogue', () => {
  expectTypeOf(createTestSender({ events })).toEqualTypeOf<TestSender<Events>>()
  expect([asserting, returned, narrowed]).toHaveLength(3)
})
