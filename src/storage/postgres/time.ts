/** The clock of the server, epoch milliseconds: the moment itself, not that at which a transaction began. */
const TIME = 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'

export async function readTime(ask: (sql: string) => Promise<{ now: number } | undefined>): Promise<number> {
  const row = await ask(TIME)
  if (row === undefined) throw new Error('the server tells no time')
  return row.now
}
