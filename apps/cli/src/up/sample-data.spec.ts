import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir, type DataDir } from '@careseal/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noteImported } from '../import/imported.js'
import { missingSample, SAMPLE_PATIENTS, sampleSources } from './sample-data.js'

describe('what a start without a folder has to load', () => {
  let dataDir: DataDir
  beforeEach(() => (dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-sample-')))))
  afterEach(() => rmSync(dataDir.root, { recursive: true }))
  const madeUp = sampleSources(undefined).sources

  it('is the made-up patients, also where a part of them is there', () => {
    expect(missingSample(dataDir, madeUp)).toHaveLength(SAMPLE_PATIENTS)
    noteImported(dataDir, { hash: madeUp[2]!.read().hash, locations: ['Patient/1'] })
    expect(missingSample(dataDir, madeUp)).toHaveLength(SAMPLE_PATIENTS)
  })

  it('is nobody more where a folder was imported in part: its people have to be linked', () => {
    noteImported(dataDir, { hash: 'of a bundle of a folder', locations: ['Patient/1'] })
    expect(missingSample(dataDir, madeUp)).toEqual([])
  })

  it('is the made-up patients where others were imported by hand: nobody of those gets a demo’s login', () => {
    noteImported(dataDir, { hash: 'of a bundle', locations: ['Patient/1'], byHand: true })
    expect(missingSample(dataDir, madeUp)).toHaveLength(SAMPLE_PATIENTS)
  })

  it('is nothing once people are linked', () => {
    dataDir.writeJson('people-linked.json', { v: 1 })
    expect(missingSample(dataDir, madeUp)).toBeNull()
  })
})
