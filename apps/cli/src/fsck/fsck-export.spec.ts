import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeHeader, formatBundle, parseBundle, parseEntry, type Header } from '@careseal/ledger-core'
import { tilePath } from '@careseal/merkle'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fsckExport } from './fsck-export.js'
import { put as putIn, smallLedger, strangersVkey, vkey, writeExport } from './small-export.fixture.js'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-export-'))
  await writeExport(folder, smallLedger())
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (path: string, bytes: Uint8Array | string) => putIn(folder, path, bytes)

const report = (vkeys: string[] = []) => {
  return fsckExport({ folder, note: readFileSync(join(folder, 'checkpoint'), 'utf8'), vkeys })
}

const violations = () => report().checks.flatMap((check) => check.violations)

/** Changes one bundle's entries where they lie, as nobody who seals them again would. */
function changed(index: number, change: (entry: Uint8Array) => Uint8Array): void {
  const path = tilePath({ level: 'entries', index: Math.floor(index / 256), width: index < 256 ? 256 : 305 - 256 })
  const bundle = parseBundle(readFileSync(join(folder, path)))
  put(path, formatBundle(bundle.with(index % 256, change(bundle[index % 256]!))))
}

function header(index: number, change: Partial<Header>): void {
  changed(index, (entry) => encodeHeader({ ...(parseEntry(entry) as { block: Header }).block, ...change }))
}

const replaced = (text: string, by: string) => (entry: Uint8Array) => {
  return Buffer.from(Buffer.from(entry).toString().replace(text, by))
}

// A digit in the middle of the commitment: the entry stays one.
const flipped = (entry: Uint8Array) => entry.map((byte, at) => (at === 40 ? (byte === 0x61 ? 0x62 : 0x61) : byte))

describe('fsck of an export', () => {
  it('is clean for one that nobody touched, and says what an export cannot show', () => {
    const { clean, invariants } = report([vkey])
    expect(clean).toBe(true)
    const held = invariants.filter(({ state }) => state === 'holds').map(({ id }) => id)
    expect(held).toEqual(['I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I9'])
    expect(invariants.find(({ id }) => id === 'I1')?.why).toContain('needs the databases')
  })

  it.each<[string, () => void, string, string]>([
    ['one bit of a leaf', () => changed(50, flipped), 'I3', 'block 1, entry 102'],
    ['a leaf of another sequence number', () => changed(60, replaced('"seq":59,', '"seq":60,')), 'I2', 'entry 60'],
    ['white space in an entry', () => changed(60, replaced('{"leaf"', '{ "leaf"')), 'I3', 'block 1, entry 60'],
    ['a member too many', () => changed(60, replaced('"v":1}', '"v":1,"w":1}')), 'I3', 'block 1, entry 60'],
    ['a leaf of a stranger', () => changed(60, replaced('"records"', '"recordz"')), 'I7', 'recordz 59'],
    ['a header that hangs elsewhere', () => header(203, { prevHash: 'ab'.repeat(32) }), 'I4', 'block 2, entry 203'],
    ['a header of another height', () => header(203, { height: 7 }), 'I3', 'block 2, entry 203'],
    ['a header with another root', () => header(203, { root: 'ab'.repeat(32) }), 'I3', 'block 2, entry 203'],
    ['a header with another first index', () => header(203, { firstIndex: 9 }), 'I3', 'block 2, entry 203'],
    ['an epoch that goes back', () => header(203, { epoch: 0 }), 'I9', 'block 2'],
    ['a time that goes back', () => header(203, { time: 0 }), 'I9', 'block 2'],
    ['a missing bundle', () => rmSync(join(folder, 'tile/entries/000')), 'I3', 'tile/entries/000'],
    [
      'a bundle that is cut off',
      () => put('tile/entries/000', readFileSync(join(folder, 'tile/entries/000')).subarray(0, 999)),
      'I3',
      'tile/entries/000',
    ],
    ['a missing tile of hashes', () => rmSync(join(folder, 'tile/0/000')), 'I6', 'tile/0/000'],
    ['another hash in a partial tile', () => put('tile/1/000.p/1', Buffer.alloc(32)), 'I6', 'tile/1/000.p/1'],
    [
      'a bundle in the place of another',
      () => renameSync(join(folder, 'tile/entries/001.p/49'), join(folder, 'tile/entries/000')),
      'I3',
      'tile/entries/000',
    ],
    [
      'a checkpoint of another size',
      () => put('checkpoint', readFileSync(join(folder, 'checkpoint'), 'utf8').replace('\n305\n', '\n204\n')),
      'I5',
      'checkpoint 204',
    ],
    [
      'a signature that is not good',
      () => put('checkpoint', readFileSync(join(folder, 'checkpoint'), 'utf8').replace(/.{8}\n$/, 'AAAAAAA=\n')),
      'I5',
      'checkpoint 305',
    ],
  ])('finds %s, and names the invariant and the place', (_what, corrupt, invariant, place) => {
    corrupt()
    const found = violations()
    expect(found.map((each) => `${each.invariant} ${each.where}`).join('\n')).toContain(place)
    expect(found.find((each) => each.where.includes(place))?.invariant).toBe(invariant)
    expect(report().invariants.find(({ id }) => id === invariant)?.state).toBe('broken')
  })

  it('finds a tag that two leaves share, which no hash betrays', async () => {
    await writeExport(
      folder,
      smallLedger(3, (seq) => `tag ${seq === 250 ? 17 : seq}`),
    )
    expect(violations()).toEqual([
      { invariant: 'I2', what: 'another leaf has the same tag', where: expect.any(String) },
    ])
  })

  it('does not believe a checkpoint that is signed by a key that the reader does not trust', () => {
    expect(report([strangersVkey]).clean).toBe(false)
  })
})
