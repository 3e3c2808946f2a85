import PgBoss from 'pg-boss'
import type { OwnServer } from '../../support/postgres/server.ts'
import { BODY } from '../loop.ts'
import { batches, type Contestant, IN_FLIGHT, JOBS } from './contest.ts'

const QUEUE = 'webhooks'
/** So many loops share what may be in flight: while one completes its batch, the others post. */
const LOOPS = 4

/**
 * `insert` of many, then batches fetched, posted and completed by one statement each. Its own `work` waits up to half a second
 * between two batches, so the loop is ours, by its documented `fetch` and `complete`.
 */
export function pgBoss(server: OwnServer): Contestant {
  return {
    name: 'pg-boss',
    setting: `insert, ${LOOPS} loops of fetch and complete in batches of ${IN_FLIGHT / LOOPS}, no priorities, no upkeep`,
    async open({ post }) {
      const boss = new PgBoss({
        connectionString: server.url,
        schema: 'boss',
        max: 10,
        supervise: false,
        schedule: false,
      })
      await boss.start()
      await boss.createQueue(QUEUE)
      let completed = 0
      const loop = async () => {
        while (completed < JOBS) {
          const jobs = await boss.fetch<{ body: string }>(QUEUE, { batchSize: IN_FLIGHT / LOOPS, priority: false })
          // The last batches are with the other loops.
          if (jobs.length === 0) return
          await Promise.all(jobs.map(({ id, data }) => post(`evt_${id}`, data.body)))
          await boss.complete(
            QUEUE,
            jobs.map(({ id }) => id),
          )
          completed += jobs.length
        }
      }
      return {
        async enqueue() {
          for (const size of batches()) {
            await boss.insert(Array.from({ length: size }, () => ({ name: QUEUE, data: { body: BODY } })))
          }
        },
        async deliver() {
          await Promise.all(Array.from({ length: LOOPS }, loop))
          if (completed !== JOBS) throw new Error(`pg-boss completed ${completed} of ${JOBS}`)
        },
        async close() {
          await boss.stop({ graceful: false, wait: true })
          await server.query('DROP SCHEMA boss CASCADE; CHECKPOINT')
        },
      }
    },
  }
}
