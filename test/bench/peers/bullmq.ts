import { Queue, Worker } from 'bullmq'
import { BODY } from '../loop.ts'
import { batches, type Contestant, countdown, IN_FLIGHT } from './contest.ts'
import { startRedis } from './redis-server.ts'

/** `addBulk`, one worker with a concurrency of all in flight, finished jobs removed: as its guide says for jobs that wait for HTTP. */
export function bullmq(appendfsync: 'always' | 'everysec'): Contestant {
  return {
    name: `BullMQ, appendfsync ${appendfsync}`,
    setting: `Redis with appendonly, appendfsync ${appendfsync}; addBulk, one worker, removeOnComplete`,
    async open({ folder, post }) {
      const redis = await startRedis(folder, appendfsync)
      const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null }
      const queue = new Queue<string>('webhooks', { connection, defaultJobOptions: { removeOnComplete: true } })
      const { done, count, fail } = countdown()
      const worker = new Worker<string>('webhooks', (job) => post(`evt_${job.id}`, job.data), {
        ...{ connection, concurrency: IN_FLIGHT, autorun: false },
      })
      worker
        .on('completed', count)
        .on('failed', (_, error) => fail(error))
        .on('error', fail)
      await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
      return {
        async enqueue() {
          for (const size of batches())
            await queue.addBulk(Array.from({ length: size }, () => ({ name: 'post', data: BODY })))
        },
        async deliver() {
          worker.run().catch(fail)
          await done
        },
        async close() {
          await worker.close()
          await queue.close()
          await redis.stop()
        },
      }
    },
  }
}
