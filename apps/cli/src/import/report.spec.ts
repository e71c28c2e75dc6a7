import { describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patientBundle } from '@careseal/synthetic'
import { fileSource, importBundles, type ImportSummary } from './importer.js'
import { importFigures, progressDetail, summaryJson } from './report.js'

const stored = (change: Partial<ImportSummary>): ImportSummary => ({
  fileCount: 2,
  storedCount: 2,
  resourceCount: 30,
  before: { bundles: 0, resources: 0 },
  countsByType: new Map(),
  sourceCountsByType: new Map(),
  refusals: [],
  seconds: 2,
  ...change,
})

const knownBundle = () => ['Patient/1', 'Observation/2']

describe('the figures of an import', () => {
  it('are what was stored, and how fast', () => {
    expect(importFigures(stored({}))).toBe('30 resources of 2 bundles in 2.0 s (15/s)')
  })

  it('tell apart what an earlier import had stored', () => {
    const figures = importFigures(stored({ before: { bundles: 1, resources: 20 } }))
    expect(figures).toBe('10 resources of 1 bundles in 2.0 s (5/s); 20 resources of 1 bundles were here before')
  })

  it('tell it while the import goes on, too', () => {
    expect(progressDetail({ files: 3, resources: 30, before: 0 })).toBe('30 resources')
    expect(progressDetail({ files: 3, resources: 30, before: 2 })).toBe('30 resources, 2 bundles were here before')
  })

  it('count a bundle that is known already, which is not sent again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'careseal-report-'))
    const path = join(folder, 'one.json')
    writeFileSync(path, JSON.stringify(patientBundle({ seed: 'a', index: 0 })))
    const nobody = { origin: 'http://127.0.0.1:1', token: () => Promise.reject(new Error('asked for a token')) }
    const summary = await importBundles([fileSource(path)], { ...nobody, known: knownBundle })
    rmSync(folder, { recursive: true })
    expect(summaryJson(summary)).toMatchObject({ stored: 1, resources: 2, before: { bundles: 1, resources: 2 } })
  })
})
