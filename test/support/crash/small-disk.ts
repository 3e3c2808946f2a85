import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Who may mount at all: root, or anybody where the system lets everybody have name spaces of their own. */
const WAYS = [
  ['unshare', '--mount'],
  ['unshare', '--user', '--map-root-user', '--mount'],
]
const SIZE_MIB = 16
const BALLAST_MIB = 14

const SCRIPT = [
  `mount -t tmpfs -o size=${SIZE_MIB}m none "$0/small"`,
  'cp "$0"/webhooks.db* "$0/small/"',
  `head -c ${BALLAST_MIB}m /dev/zero > "$0/small/ballast"`,
  '"$@"',
  'cp "$0"/small/webhooks.db* "$0/"',
].join(' && ')

/** The command that gives a program a small file system of its own, nearly full; null where that is not to be had. */
export function mountingCommand(): readonly string[] | null {
  const found = WAYS.find(([command = '', ...args]) => {
    return spawnSync(command, [...args, 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' }).status === 0
  })
  return found ?? null
}

/**
 * A program within this finds the folder's database on the small disk, at `path`, and what is there when it ends comes back to the
 * folder. `ballast` is the file to be removed when there is to be room.
 */
export function onSmallDisk(mounting: readonly string[], folder: string) {
  const small = join(folder, 'small')
  mkdirSync(small)
  return {
    within: [...mounting, 'sh', '-c', SCRIPT, folder],
    path: join(small, 'webhooks.db'),
    ballast: join(small, 'ballast'),
  }
}
