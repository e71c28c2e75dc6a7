// `npm start -- --once --data …` on real bundles: all of it stored and sealed, clean, and nothing of it in the clear.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needlesOf, searchFolder } from '../support/canary.js'
import { careseal, SYNTHEA, temporaryFolder, type Ended } from '../support/careseal.js'

type Patient = {
  identifier: { system: string; value: string }[]
  telecom: { value: string }[]
  address: { line: string[] }[]
  name: { family: string; given: string[] }[]
}
type Summary = {
  import: { countsByType: Record<string, number> }
  verified: boolean
  faults: string[]
  entries: number
}
type Entry = { resource: { resourceType: string } }

const bundles = existsSync(SYNTHEA) ? readdirSync(SYNTHEA).filter((name) => name.endsWith('.json')) : []
const entriesOf = (file: string) => (JSON.parse(readFileSync(join(SYNTHEA, file), 'utf8')) as { entry: Entry[] }).entry

describe.skipIf(bundles.length === 0)('importing the sample bundles once', () => {
  const folder = temporaryFolder()
  let ended: Ended
  let summary: Summary

  beforeAll(async () => {
    ended = await careseal(['up', '--once', '--data', SYNTHEA, '--port', '0', '--data-dir', folder.path, '--json'])
    summary = JSON.parse(ended.stdout || '{}') as Summary
  })
  afterAll(() => folder.remove())

  it('stores every entry: the count per type is that of the source', () => {
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const source: Record<string, number> = {}
    for (const { resource } of bundles.flatMap(entriesOf)) {
      source[resource.resourceType] = (source[resource.resourceType] ?? 0) + 1
    }
    expect(summary.import.countsByType).toEqual(source)
    expect(summary).toMatchObject({ verified: true, faults: [] })
    const sources = Object.values(source).reduce((sum, count) => sum + count, 0)
    expect(summary.entries).toBeGreaterThan(sources)
  })

  it('leaves nothing of these patients readable in any file: tables, broker, logs, state', async () => {
    const values = bundles.slice(0, 6).flatMap((file) => canariesOf(entriesOf(file)))
    expect(values.length).toBeGreaterThan(15)
    expect(await searchFolder(folder.path, needlesOf(values))).toEqual([])
  })
})

function canariesOf(entries: Entry[]): string[] {
  const patient = entries.find((entry) => entry.resource.resourceType === 'Patient')?.resource as unknown as Patient
  const security = patient.identifier.find((identifier) => identifier.system.endsWith('us-ssn'))?.value
  const values = [security, patient.telecom[0]?.value, patient.address[0]?.line[0], patient.identifier[0]?.value]
  return values.filter((value): value is string => value !== undefined && value.length >= 8)
}
