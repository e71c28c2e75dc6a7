import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { patientBundle } from '@careseal/synthetic'
import { FILE_BYTES_MAX, readBundleFile } from './bundle-file.js'
import { importFolder } from './import-folder.fixture.js'
import { sourceFiles } from './source-files.js'

const { folder, file } = importFolder()

describe('a file to import', () => {
  it.each([
    ['broken.json', '{"resourceType":\n "Bundle", x', 'not JSON: at line 2, column 12'],
    ['short.json', '{"resourceType": "Bu', 'not JSON: it ends too early'],
    ['page.json', '<!doctype html>', 'not JSON: at line 1, column 1'],
    ['latin.json', Uint8Array.of(0x22, 0xe4, 0x22), 'not UTF-8 text'],
    ['list.json', '[]', 'no FHIR Bundle: not a JSON object'],
    ['plain.json', '{"a":1}', 'no FHIR Bundle: it has no resourceType'],
    ['patient.json', '{"resourceType":"Patient"}', 'no FHIR Bundle: its resourceType is Patient'],
    ['search.json', '{"resourceType":"Bundle","type":"searchset"}', 'a Bundle of type searchset'],
    ['empty.json', '{"resourceType":"Bundle","type":"batch"}', 'a Bundle without entries'],
    ['hole.json', '{"resourceType":"Bundle","type":"batch","entry":[{},null]}', 'Bundle.entry[1] is no object'],
  ])('%s is refused with its reason', (name, content, reason) => {
    expect(readBundleFile(file(name, content))).toMatchObject({ refused: expect.stringContaining(reason) })
  })

  it.each([
    '{"name": canary-name}',
    '{"resourceType":"canary"}',
    '{"resourceType":"Bundle","type":"canary"}',
    '{"resourceType":"Bundle","type":{"toString":"canary"}}',
  ])('never quotes its content in a reason: %s', (content) => {
    const read = readBundleFile(file('quoted.json', content))
    expect(read).toHaveProperty('refused')
    expect(JSON.stringify(read)).not.toContain('canary')
  })

  it('is counted without the words of a type that FHIR has not', () => {
    const entry = ['canary', { toString: 'canary' }, 'Patient'].map((resourceType) => ({ resource: { resourceType } }))
    const read = readBundleFile(file('strange.json', JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry })))
    expect('countsByType' in read && [...read.countsByType]).toEqual([
      ['(unknown)', 2],
      ['Patient', 1],
    ])
  })

  it('is refused above what the server takes', () => {
    const server = readFileSync(new URL('../../../records/src/application.ts', import.meta.url), 'utf8')
    expect(server).toContain(`BODY_LIMIT_BYTES = ${FILE_BYTES_MAX / 1024 / 1024} * 1024 * 1024`)
    const path = file('large.json', '')
    truncateSync(path, FILE_BYTES_MAX + 1)
    expect(readBundleFile(path)).toEqual({ refused: 'larger than 32 MiB', hash: '' })
  })

  it('is counted by type', () => {
    const bundle = patientBundle({ seed: 'import', index: 0 })
    const read = readBundleFile(file('good.json', JSON.stringify(bundle)))
    expect(read).toMatchObject({ entryCount: bundle.entry.length })
    expect('countsByType' in read && read.countsByType.get('Patient')).toBe(1)
  })

  it('is found in a folder by its name’s end, or by itself', () => {
    const text = file('readme.txt', 'x')
    const found = sourceFiles([folder])
    expect(found.skipped).toEqual([text])
    expect(found.files).toContain(join(folder, 'good.json'))
    expect(sourceFiles([text]).files).toEqual([text])
    expect(() => sourceFiles([join(folder, 'absent')])).toThrow(/there is no/)
  })
})
