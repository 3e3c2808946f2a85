import { writeSync } from 'node:fs'
import type { Report } from '../messages.ts'

const STDOUT = 1

/** Has left this process when it returns, so that nothing which happens afterwards can take it back. */
export function report(line: Report): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  let written = 0
  while (written < bytes.length) {
    try {
      written += writeSync(STDOUT, bytes, written)
    } catch (error) {
      // A full pipe: the reader is behind.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

/** Calls `act` with each command; the program ends with its parent. */
export function onCommand<Command>(act: (command: Command) => unknown): void {
  process.on('message', (command) => void act(command as Command))
  process.on('disconnect', () => process.exit())
}

export function config<Config>(): Config {
  return JSON.parse(process.argv[2] ?? '{}') as Config
}
