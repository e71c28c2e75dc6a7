import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir, type DataDir } from '@careseal/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryOf, noteImported, readImported, readLoaded } from './imported.js'

describe('what a data folder has imported', () => {
  let dataDir: DataDir
  beforeEach(() => (dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-imported-')))))
  afterEach(() => rmSync(dataDir.root, { recursive: true }))

  it('is found again, after what an earlier version wrote', () => {
    expect(readImported(dataDir)).toEqual(new Map())
    dataDir.writeJson('imported.json', { a: ['Patient/1'] })
    noteImported(dataDir, { hash: 'b', locations: ['Patient/2', 'Observation/3'] })
    expect([...readImported(dataDir)]).toEqual([
      ['a', ['Patient/1']],
      ['b', ['Patient/2', 'Observation/3']],
    ])
  })

  it('loses to a crash the line that it has torn, and no other', () => {
    noteImported(dataDir, { hash: 'a', locations: ['Patient/1'] })
    appendFileSync(dataDir.path('imported.jsonl'), '\n{"hash":"b","locat')
    noteImported(dataDir, { hash: 'c', locations: ['Patient/3'] })
    expect([...readImported(dataDir).keys()]).toEqual(['a', 'c'])
  })

  it('is told from what was imported by hand, which is known as well', () => {
    noteImported(dataDir, { hash: 'a', locations: ['Patient/1'] })
    const { known, onStored } = memoryOf(dataDir)
    onStored({ hash: 'b', countsByType: new Map(), locations: ['Patient/2'] })
    expect([known('a'), known('b'), known('c')]).toEqual([['Patient/1'], ['Patient/2'], null])
    expect([...readImported(dataDir).keys()]).toEqual(['a', 'b'])
    expect([...readLoaded(dataDir).keys()]).toEqual(['a'])
  })

  it('is written down once', () => {
    noteImported(dataDir, { hash: 'a', locations: ['Patient/1'] })
    const before = readFileSync(dataDir.path('imported.jsonl'), 'utf8')
    memoryOf(dataDir).onStored({ hash: 'a', countsByType: new Map(), locations: ['Patient/1'] })
    expect(readFileSync(dataDir.path('imported.jsonl'), 'utf8')).toBe(before)
  })
})
