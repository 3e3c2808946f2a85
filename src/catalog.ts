import { record } from './arguments.ts'
import { ArgumentError } from './errors.ts'
import { TYPE_MAX, TYPE_PATTERN } from './model/event.ts'

/** The catalogue: which types of events there are, and what their data is. The only type machinery of the public face. */

/**
 * A schema by Standard Schema, version 1 (https://standardschema.dev), as those of zod, valibot and arktype are. Written out here,
 * so that nobody needs a package for it.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /**
   * All of the standard: its `version` and `vendor`, the schema's `types` for TypeScript (`input` and `output`, never
   * read), and `validate`.
   */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}

/** What a schema answers: its output as `value`, or its `issues`. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One thing that a schema finds wrong. */
export interface SchemaIssue {
  /** What is wrong, for people. */
  readonly message: string
  /** Where it stands within the value: keys, or objects with a `key`. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** One type of event: what `send` takes as its data, and what of that is sent. Made by `event()`. */
export interface EventDefinition<Input = unknown, Output = Input> {
  /** Null: known by its TypeScript type alone, and not checked at run time. */
  readonly schema: StandardSchema<Input, Output> | null
}

/** Types of events by their names. Made by `defineEvents()`. */
export interface Catalog {
  readonly [type: string]: EventDefinition
}

/** The names of a catalogue's types. */
export type EventName<C extends Catalog = Catalog> = keyof C & string

/** What `send` takes as the data of this type: its schema's input. JSON has no undefined, so that none is taken. */
export type EventData<C extends Catalog, K extends EventName<C> = EventName<C>> = Exclude<InputOf<C[K]>, undefined>

/** The data of this type as its receivers get it: its schema's output, written as JSON and read again. */
export type EventOutput<C extends Catalog, K extends EventName<C> = EventName<C>> = AsJson<OutputOf<C[K]>>

/** What the schema of a definition takes. */
type InputOf<D> = D extends EventDefinition<infer Input, unknown> ? Input : never
/** What the schema of a definition makes of it. */
type OutputOf<D> = D extends EventDefinition<unknown, infer Output> ? Output : never

/** What `JSON.parse` makes of what `JSON.stringify` made of it, by its `toJSON` where it has one: a `Date` is text by then. */
type AsJson<T> = T extends { toJSON(): infer Written }
  ? AsJson<Written>
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint | symbol | ((...given: never) => unknown)
      ? never
      : T extends object
        ? { [K in keyof T]: AsJson<T[K]> }
        : T

/**
 * One type of event of a catalogue. `event<Invoice>()` gives its data a TypeScript type, and nothing is checked at run time;
 * `event(schema)` takes a Standard Schema: `send` takes its input, checks it, and sends its output.
 * Throws an `ArgumentError` for what is no such schema.
 */
export function event<Data>(): EventDefinition<Data>
export function event<Schema extends StandardSchema>(schema: Schema): DefinitionBy<Schema>
// A schema that is undefined by mistake, as within a circle of imports, must not pass for one that was left out.
export function event(...given: unknown[]): EventDefinition {
  return Object.freeze({ schema: given.length === 0 ? null : checkSchema(given[0], 'event.schema') })
}

/** The definition that a schema makes. */
type DefinitionBy<Schema> =
  Schema extends StandardSchema<infer Input, infer Output> ? EventDefinition<Input, Output> : never

/**
 * A catalogue, to be given to `createWebhookSender` as `events`: `defineEvents({ 'invoice.paid': event<Invoice>() })`. A sender that
 * has one refuses every other type, at compile time and at run time. `defineEvents<{ 'invoice.paid': Invoice }>()` holds at compile
 * time alone: which names it has is not known when the program runs.
 * Names are letters, digits and underscores in segments set apart by dots, at most 128 characters, at most 10,000 names. Throws an
 * `ArgumentError` that names the first wrong one.
 */
export function defineEvents<Types extends object = Record<string, unknown>>(): {
  readonly [K in keyof Types & string]-?: EventDefinition<Types[K]>
}
export function defineEvents<const C extends Catalog>(types: C): C
export function defineEvents(...given: unknown[]): Catalog {
  if (given.length === 0) return Object.freeze({})
  const types = checkCatalog(given[0], 'defineEvents')
  if (Object.keys(types).length === 0) {
    const message =
      'has no type of event: add one, or leave the argument out to have them checked at compile time alone'
    throw new ArgumentError('argument_missing', 'defineEvents', message)
  }
  return Object.freeze({ ...types })
}

const TYPES_MAX = 10_000

/** Throws an `ArgumentError` when this is no catalogue, with or without names. */
export function checkCatalog(value: unknown, path: string): Catalog {
  const entries = Object.entries(record(value, path))
  if (entries.length > TYPES_MAX) {
    throw new ArgumentError('argument_range', path, `must have at most ${TYPES_MAX} types, has ${entries.length}`)
  }
  for (const [type, definition] of entries) checkDefinition(type, definition, `${path}[${JSON.stringify(type)}]`)
  return value as Catalog
}

function checkDefinition(type: string, definition: unknown, path: string): void {
  if (type.length > TYPE_MAX || !TYPE_PATTERN.test(type)) {
    const rule = `must be letters, digits and underscores set apart by dots, at most ${TYPE_MAX} characters`
    throw new ArgumentError('argument_invalid', path, rule)
  }
  if (isSchema(definition)) {
    throw new ArgumentError('argument_type', path, 'is a schema: wrap it, as event(schema)')
  }
  if (typeof definition !== 'object' || definition === null || !('schema' in definition)) {
    throw new ArgumentError('argument_type', path, 'must be made by event<Data>() or event(schema)')
  }
  if (definition.schema !== null) checkSchema(definition.schema, path)
}

function checkSchema(value: unknown, path: string): StandardSchema {
  if (isSchema(value)) return value
  const message = 'must be a Standard Schema, version 1, such as one of zod, valibot or arktype'
  throw new ArgumentError('argument_type', path, message)
}

/** Those of some libraries are functions. */
function isSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = Reflect.get(value, '~standard')
  if (typeof standard !== 'object' || standard === null) return false
  return Reflect.get(standard, 'version') === 1 && typeof Reflect.get(standard, 'validate') === 'function'
}
