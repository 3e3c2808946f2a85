/**
 * The catalogue, for whoever shares it between the sender and its receivers. Nothing of the engine is in here.
 *
 * @module
 */

export {
  type Catalog,
  defineEvents,
  type EventData,
  type EventDefinition,
  type EventName,
  type EventOutput,
  event,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './catalog.ts'
