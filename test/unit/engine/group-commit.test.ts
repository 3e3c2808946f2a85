import { describe, expect, it } from 'vitest'
import { GroupCommit, type GroupCommitOptions } from '../../../src/engine/group-commit.ts'
import { quiet } from './rig.ts'

type Options = GroupCommitOptions<string, string>

function groups(more: Partial<Options> = {}) {
  const batches: string[][] = []
  const options: Options = {
    countMax: 4,
    bytesMax: 100,
    divisible: () => true,
    write: async (items) => items.map((item) => `${item}!`),
    ...more,
  }
  const group = new GroupCommit<string, string>({
    ...options,
    write: (items) => {
      batches.push([...items])
      return options.write(items)
    },
  })
  const addAll = (items: string[], bytes = 1) => Promise.allSettled(items.map((item) => group.add(item, bytes)))
  return { group, batches, addAll }
}

const letters = (count: number) => [...'abcdefghijklmnop'].slice(0, count)
const values = (settled: PromiseSettledResult<string>[]) =>
  settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message))

describe('a commit', () => {
  it('is shared by what was added in one turn, and answers each in its order', async () => {
    const { batches, addAll } = groups()
    expect(values(await addAll(['a', 'b', 'c']))).toEqual(['a!', 'b!', 'c!'])
    expect(batches).toEqual([['a', 'b', 'c']])
  })

  it('is shared by what came while another was under way', async () => {
    let finish: () => void = () => {}
    const { group, batches } = groups({
      write: async (items) => {
        if (items[0] === 'a') await new Promise<void>((resolve) => (finish = resolve))
        return items
      },
    })
    const first = group.add('a', 1)
    await quiet(2)
    const rest = [group.add('b', 1)]
    await quiet(2)
    rest.push(group.add('c', 1))
    expect(group.count).toBe(2)
    finish()
    expect(await Promise.all([first, ...rest])).toEqual(['a', 'b', 'c'])
    expect(batches).toEqual([['a'], ['b', 'c']])
  })

  it('holds so many items at most, and the rest follows in order', async () => {
    const { batches, addAll } = groups()
    await addAll(letters(10))
    expect(batches.map((batch) => batch.join(''))).toEqual(['abcd', 'efgh', 'ij'])
  })

  it('holds so many bytes at most, but one item alone may have more', async () => {
    const { group, batches } = groups({ countMax: 100 })
    const sizes = { a: 60, b: 40, c: 1, d: 500, e: 100, f: 1 }
    await Promise.all(Object.entries(sizes).map(([item, bytes]) => group.add(item, bytes)))
    expect(batches.map((batch) => batch.join(''))).toEqual(['ab', 'c', 'd', 'e', 'f'])
  })

  it('counts what waits, without what is being written', async () => {
    const { group, addAll } = groups({ write: async (items) => items })
    const all = addAll(letters(6), 10)
    expect({ count: group.count, bytes: group.bytes }).toEqual({ count: 6, bytes: 60 })
    await all
    expect({ count: group.count, bytes: group.bytes }).toEqual({ count: 0, bytes: 0 })
  })
})

describe('a failing batch', () => {
  const bad =
    (...rows: string[]) =>
    async (items: string[]) => {
      const found = items.find((item) => rows.includes(item))
      if (found !== undefined) throw new Error(`bad ${found}`)
      return items
    }

  it('is halved until the bad one fails alone', async () => {
    for (const row of letters(4)) {
      const { addAll } = groups({ write: bad(row) })
      expect(values(await addAll(letters(4)))).toEqual(letters(4).map((item) => (item === row ? `bad ${row}` : item)))
    }
  })

  it('with several bad ones loses only those, in order', async () => {
    const { addAll, batches } = groups({ countMax: 8, write: bad('b', 'g') })
    expect(values(await addAll(letters(8)))).toEqual(['a', 'bad b', 'c', 'd', 'e', 'f', 'bad g', 'h'])
    const written = batches.filter((batch) => !batch.some((item) => 'bg'.includes(item))).flat()
    expect(written).toEqual(['a', 'c', 'd', 'e', 'f', 'h'])
  })

  it('that can not succeed in halves fails as a whole, at once', async () => {
    const { addAll, batches } = groups({ write: bad('b'), divisible: () => false })
    expect(values(await addAll(letters(3)))).toEqual(['bad b', 'bad b', 'bad b'])
    expect(batches).toHaveLength(1)
  })

  it('does not stop the ones that follow', async () => {
    const { group } = groups({ write: bad('a') })
    await expect(group.add('a', 1)).rejects.toThrow('bad a')
    expect(await group.add('b', 1)).toBe('b')
  })

  it('a write that throws instead of rejecting is a failed write', async () => {
    const { group } = groups({
      write: () => {
        throw new Error('at once')
      },
    })
    await expect(group.add('a', 1)).rejects.toThrow('at once')
  })
})
