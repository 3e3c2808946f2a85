import { type Logger as GraphileLogger, Logger, makeWorkerUtils, type Runner, run } from 'graphile-worker'
import type { OwnServer } from '../../support/postgres/server.ts'
import { BODY } from '../loop.ts'
import { batches, type Contestant, countdown, IN_FLIGHT } from './contest.ts'

const SILENT: GraphileLogger = new Logger(() => () => {})

/** `addJobs`, local queue and batched completion: as its page on performance says, with the concurrency of this job. */
export function graphileWorker(server: OwnServer): Contestant {
  return {
    name: 'graphile-worker',
    setting: 'addJobs, local queue of 500, completions batched with delay 0, 25 connections',
    async open({ post }) {
      const preset = {
        worker: {
          connectionString: server.url,
          concurrentJobs: IN_FLIGHT,
          maxPoolSize: 25,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          logger: SILENT,
        },
      }
      const utils = await makeWorkerUtils({ preset })
      await utils.migrate()
      const { done, count, fail } = countdown()
      let runner: Runner | undefined
      return {
        async enqueue() {
          for (const size of batches()) {
            await utils.addJobs(Array.from({ length: size }, () => ({ identifier: 'post', payload: { body: BODY } })))
          }
        },
        async deliver() {
          const taskList = {
            post: async (payload: unknown, { job }: { job: { id: string } }) => {
              await post(`evt_${job.id}`, (payload as { body: string }).body)
              count()
            },
          }
          runner = await run({ preset, taskList, noHandleSignals: true })
          runner.events.on('job:error', ({ error }) => fail(error as Error))
          await done
          // Ends once the last batch of completions is written.
          await runner.stop()
        },
        async close() {
          await utils.release()
          await server.query('DROP SCHEMA graphile_worker CASCADE; CHECKPOINT')
        },
      }
    },
  }
}
