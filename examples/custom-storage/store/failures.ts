import { WebhookError, type WebhookErrorCode } from 'hookferry/storage'

/** What a file system says, in words of the contract: which code, whether the same call may succeed later, what to do. */
const FAILURES: Record<string, [code: WebhookErrorCode, retryable: boolean, advice: string]> = {
  ENOSPC: ['storage_full', true, 'Make room on the disk.'],
  EDQUOT: ['storage_full', true, 'Make room on the disk, or raise the quota.'],
  EACCES: ['storage_read_only', false, 'Give the process the right to write to the journal and to its folder.'],
  EPERM: ['storage_read_only', false, 'Give the process the right to write to the journal and to its folder.'],
  EROFS: ['storage_read_only', false, 'Put the journal on a file system that can be written to.'],
  ENOENT: ['storage_unavailable', false, 'Make the folder of the journal.'],
}

export function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof WebhookError) return error
  const [code, retryable, advice] = FAILURES[String(error.code)] ?? ['storage_unavailable', false, 'See the cause.']
  return new WebhookError(code, `The journal failed: ${error.message}. ${advice}`, {
    cause: error,
    retryable,
  })
}
