import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { leafHash, merkleRoot } from '@careseal/merkle'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readVisit, Revisit, writeVisit, type Visit } from './last-visit.js'

/** A history: after each block the leaves so far. */
type History = readonly (readonly number[])[]

const rootOf = (leaves: readonly number[]) =>
  merkleRoot(
    sha256,
    leaves.map((leaf) => leafHash(sha256, Uint8Array.of(leaf))),
  )
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function visitOf(leaves: readonly number[]): Visit {
  const root = hexOf(rootOf(leaves))
  return { v: 1, origin: 'ledger.example', size: leaves.length, root, note: '', visitedAt: '', keys: [] }
}

function revisit(last: Visit | null, history: History, retreats: Parameters<Revisit['since']>[1] = []) {
  const visit = new Revisit(last)
  for (const leaves of history) visit.onBlock({ size: leaves.length, root: () => rootOf(leaves) })
  return visit.since(history.at(-1)?.length ?? 0, retreats)
}

const blocks = fc.array(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 })
const historyOf = (all: number[][]): History => all.map((_, i) => all.slice(0, i + 1).flat())

describe('a second visit', () => {
  it('says what a naive comparison of both histories says', () => {
    fc.assert(
      fc.property(blocks, blocks, (then, now) => {
        const [before, after] = [historyOf(then), historyOf(now)]
        const seen = before.at(-1)!
        const isPrefix = after.some((leaves) => leaves.length === seen.length && leaves.join() === seen.join())
        const length = after.at(-1)!.length
        const expected = isPrefix
          ? length === seen.length
            ? 'unchanged'
            : 'grown'
          : length < seen.length
            ? 'shrank'
            : 'forked'
        expect(revisit(visitOf(seen), after)).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('is the first one where nothing is remembered', () => {
    expect(revisit(null, [[1]])).toBe('first-visit')
  })

  it('forgives what the signer gave up on the ledger, and exactly that', () => {
    const last = visitOf([1, 2, 3])
    const gone = { size: 1, root: '00', abandonedSize: 3, abandonedRoot: last.root }
    expect(revisit(last, [[1], [1, 4, 5, 6]], [gone])).toBe('retreated')
    expect(revisit(last, [[1]], [gone])).toBe('retreated')
    expect(revisit(last, [[1], [1, 4, 5, 6]], [{ ...gone, abandonedRoot: '11' }])).toBe('forked')
    expect(revisit(last, [[1]], [{ ...gone, abandonedSize: 4 }])).toBe('shrank')
  })

  it('is read as it was written, and anything else is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'careseal-visit-'))
    const file = join(folder, 'deep', 'visit.json')
    expect(readVisit(file)).toBeNull()
    writeVisit(file, visitOf([1, 2]))
    expect(readVisit(file)).toEqual(visitOf([1, 2]))
    for (const text of ['', '{}', '[]', 'null', '{"v":2}', '{"v":1,"origin":"x","size":"3"}']) {
      writeFileSync(file, text)
      expect(() => readVisit(file)).toThrow(/remembers no visit/)
    }
    rmSync(folder, { recursive: true })
  })
})
