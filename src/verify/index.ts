export { VerificationError, type VerificationErrorCode } from '../errors.ts'
export type { RequestBody, RequestHeaders, RequestLike, RequestParts } from './input.ts'
export type { Verified, VerifiedEnvelope, VerifiedRaw } from './verified.ts'
export { type VerifyOptions, verify } from './verify.ts'
