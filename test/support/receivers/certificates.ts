import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsFiles } from './receiver.ts'

/** An authority made for one test run, and certificates of every kind that a sender must tell apart. */
export interface Certificates {
  /** What a sender must trust, as PEM. */
  ca: string
  /** For `localhost`, `receiver.test`, every name under `hooks.test`, and 127.0.0.1. */
  valid: TlsFiles
  expired: TlsFiles
  /** For another name. */
  mismatched: TlsFiles
  selfSigned: TlsFiles
}

/** Makes them with the openssl command, in a folder that is gone afterwards. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-certificates-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

  const selfSign = (name: string, subject: string, ...rest: string[]): TlsFiles => {
    openssl('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject, ...rest)
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) }
  }
  const sign = (name: string, days: number, names: string): TlsFiles => {
    const subject = ['-subj', '/CN=receiver', '-addext', `subjectAltName=${names}`]
    openssl('req', '-new', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...subject)
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', String(days), '-out', `${name}.pem`)
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) }
  }
  const ours = 'DNS:localhost,DNS:receiver.test,DNS:*.hooks.test,IP:127.0.0.1'
  try {
    const ca = selfSign('ca', '/CN=test authority', '-days', '2').cert
    return {
      ca,
      valid: sign('valid', 2, ours),
      expired: sign('expired', -1, ours),
      mismatched: sign('mismatched', 2, 'DNS:another.test'),
      selfSigned: selfSign('self', '/CN=localhost', '-days', '2', '-addext', `subjectAltName=${ours}`),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
