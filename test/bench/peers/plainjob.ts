import { join } from 'node:path'
import Database from 'better-sqlite3'
import { better, defineQueue, defineWorker, type Queue as PlainQueue } from 'plainjob'
import { BODY } from '../loop.ts'
import { batches, type Contestant, countdown, IN_FLIGHT, JOBS, type Job } from './contest.ts'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const TYPE = 'post'

/** `addMany`, and as many workers as are in flight, each of which does one job after the other. */
export function plainjob(): Contestant {
  return {
    name: 'plainjob',
    setting: `SQLite at synchronous=FULL; addMany, ${IN_FLIGHT} workers`,
    async open(job) {
      const { queue, enqueue } = opened(job)
      const { done, count, fail } = countdown()
      const workers = Array.from({ length: IN_FLIGHT }, () =>
        defineWorker(TYPE, ({ id, data }) => job.post(`evt_${id}`, data), {
          ...{
            queue,
            logger: SILENT,
            pollIntervall: 10,
            onCompleted: count,
            onFailed: (_, text) => fail(new Error(text)),
          },
        }),
      )
      return {
        enqueue,
        async deliver() {
          for (const worker of workers) worker.start().catch(fail)
          await done
        },
        async close() {
          await Promise.all(workers.map((worker) => worker.stop()))
          queue.close()
        },
      }
    },
  }
}

/**
 * Its workers commit each claim and each completion alone, each with its own wait for the disk. This is what its queue allows when
 * the host groups both in transactions: every claim that there is room for in one, every completion of a turn of the loop in one.
 */
export function plainjobGrouped(): Contestant {
  return {
    name: 'plainjob, grouped by hand',
    setting:
      'SQLite at synchronous=FULL; addMany, a loop of ours over its queue with one transaction for many claims and completions',
    async open(job) {
      const { queue, db, enqueue } = opened(job)
      const { done, count, fail } = countdown()
      let inFlight = 0
      let posted: number[] = []
      const onceATurn = () => {
        if (posted.length === 1) setImmediate(step)
      }
      const settleAndClaim = db.transaction((ids: number[]) => {
        for (const id of ids) queue.markJobAsDone(id)
        return claimed(queue, IN_FLIGHT - inFlight)
      })
      function step(): void {
        const ids = posted
        posted = []
        inFlight -= ids.length
        const jobs = settleAndClaim.immediate(ids)
        inFlight += jobs.length
        for (const { id, data } of jobs) {
          job
            .post(`evt_${id}`, data)
            .then(() => {
              posted.push(id)
              onceATurn()
            })
            .catch(fail)
        }
        for (const _ of ids) count()
      }
      return {
        enqueue,
        async deliver() {
          step()
          await done
        },
        async close() {
          queue.close()
        },
      }
    },
  }
}

function claimed(queue: PlainQueue, room: number) {
  const jobs: { id: number; data: string }[] = []
  while (jobs.length < room) {
    const next = queue.getAndMarkJobAsProcessing(TYPE)
    if (next === undefined) break
    jobs.push(queue.getJobById(next.id)!)
  }
  return jobs
}

function opened({ folder }: Job) {
  const db = new Database(join(folder, 'plainjob.db'))
  const queue = defineQueue({ connection: better(db), logger: SILENT, serializer: (body) => body as string })
  // It sets NORMAL, which loses acknowledged jobs at a power cut.
  db.pragma('synchronous = FULL')
  const enqueue = async () => {
    for (const size of batches()) queue.addMany(TYPE, new Array<string>(size).fill(BODY))
    if (queue.countJobs() !== JOBS) throw new Error('not all jobs were added')
  }
  return { db, queue, enqueue }
}
