/**
 * For receivers: checks that a webhook is authentic, and reads it. Needs WebCrypto and nothing of Node.
 *
 * @module
 */

export { VerificationError, type VerificationErrorCode } from '../errors.ts'
export type { RequestBody, RequestHeaders, RequestLike, RequestParts } from './input.ts'
export type { Verified, VerifiedCommon, VerifiedEnvelope, VerifiedRaw } from './verified.ts'
export { type VerifyOptions, verify } from './verify.ts'
