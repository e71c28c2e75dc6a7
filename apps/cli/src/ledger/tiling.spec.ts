import { sha256, utf8 } from '@careseal/crypto'
import { leafHash, tilePath } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tiling, type TileFile } from './tiling.js'

function filesOf(entries: Uint8Array[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const tiling = new Tiling((file: TileFile) => {
    expect(files.has(tilePath(file))).toBe(false)
    files.set(tilePath(file), file.bytes)
  })
  for (const entry of entries) tiling.add(entry)
  tiling.end()
  return files
}

/** The same from the words of the specification, each hash made from its leaves. */
function naiveFiles(entries: Uint8Array[]): Map<string, Uint8Array> {
  const hashes = entries.map((entry) => leafHash(sha256, entry))
  const files = new Map<string, Uint8Array>()
  for (let index = 0; index * 256 < entries.length; index++) {
    const some = entries.slice(index * 256, index * 256 + 256)
    const bytes = some.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry])
    files.set(tilePath({ level: 'entries', index, width: some.length }), Buffer.concat(bytes))
  }
  for (let level = 0; 256 ** level <= entries.length; level++) {
    const span = 256 ** level
    const roots = Array.from({ length: Math.floor(entries.length / span) }, (_, i) =>
      naiveRoot(sha256, hashes.slice(i * span, (i + 1) * span)),
    )
    for (let index = 0; index * 256 < roots.length; index++) {
      const some = roots.slice(index * 256, index * 256 + 256)
      files.set(tilePath({ level, index, width: some.length }), Buffer.concat(some))
    }
  }
  return files
}

const entriesOf = (size: number) => Array.from({ length: size }, (_, i) => utf8(`entry ${i} ${'x'.repeat(i % 7)}`))
const told = (files: Map<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]))

describe('the files of a log', () => {
  it.each([0, 1, 255, 256, 257, 511, 512, 513])('of %i entries are those of the specification', (size) => {
    const entries = entriesOf(size)
    expect(told(filesOf(entries))).toEqual(told(naiveFiles(entries)))
  })

  it('of any size are those of the specification', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1500 }), (size) => {
        const entries = entriesOf(size)
        expect(told(filesOf(entries))).toEqual(told(naiveFiles(entries)))
      }),
      { numRuns: 12 },
    )
  })

  it('of 65,537 entries have two levels of full tiles', () => {
    const files = filesOf(entriesOf(65_537))
    expect(files.get('tile/1/000')).toHaveLength(8192)
    expect([...files.keys()].slice(-3)).toEqual(['tile/entries/256.p/1', 'tile/0/256.p/1', 'tile/2/000.p/1'])
  })
})
