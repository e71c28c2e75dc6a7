import { createServer, type Server } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { patientBundle } from '@careseal/synthetic'
import { EXIT } from '../exit.js'
import { readBundleFile } from './bundle-file.js'
import { cachedToken } from './cached-token.js'
import { fileSource, importBundles } from './importer.js'
import { sourceFiles } from './source-files.js'

const folder = mkdtempSync(join(tmpdir(), 'careseal-import-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('a file to import', () => {
  it.each([
    ['broken.json', '{"resourceType":\n "Bundle", x', 'not JSON at line 2, column 12'],
    ['short.json', '{"resourceType": "Bu', 'not JSON'],
    ['latin.json', Uint8Array.of(0x22, 0xe4, 0x22), 'not UTF-8 text'],
    ['list.json', '[]', 'no FHIR Bundle: not a JSON object'],
    ['plain.json', '{"a":1}', 'no FHIR Bundle: it has no resourceType'],
    ['patient.json', '{"resourceType":"Patient"}', 'no FHIR Bundle: its resourceType is Patient'],
    ['search.json', '{"resourceType":"Bundle","type":"searchset"}', 'a Bundle of type searchset'],
    ['empty.json', '{"resourceType":"Bundle","type":"batch"}', 'a Bundle without entries'],
  ])('%s is refused with its reason', (name, content, reason) => {
    expect(readBundleFile(file(name, content))).toMatchObject({ refused: expect.stringContaining(reason) })
  })

  it('never quotes its content in a reason', () => {
    const path = file('quoted.json', '{"name": canary-name}')
    expect(JSON.stringify(readBundleFile(path))).not.toContain('canary')
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

describe('an import', () => {
  let server: Server
  let origin: string
  const keys: string[] = []
  let isPage = false
  let isAway = false
  /** What is answered instead of entries. */
  let instead: object | null = null

  // Fails the first request of each key for a passing reason, and refuses bundles without a Patient.
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const key = String(request.headers['idempotency-key'])
        const isFirst = !keys.includes(key)
        keys.push(key)
        if (isFirst || isAway) return void response.writeHead(503, { 'retry-after': '0' }).end()
        if (instead) return void response.end(JSON.stringify(instead))
        if (isPage) return void response.end('<!doctype html>')
        const { entry } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ReturnType<typeof patientBundle>
        if (!entry.some(({ resource }) => resource.resourceType === 'Patient')) {
          const issue = [{ code: 'invalid', diagnostics: 'no patient', expression: ['Bundle.entry'] }]
          return void response.writeHead(422).end(JSON.stringify({ resourceType: 'OperationOutcome', issue }))
        }
        const answers = entry.map(({ resource }, n) => ({
          response: { status: '201 Created', location: `${resource.resourceType}/${n}/_history/1` },
        }))
        response.end(JSON.stringify({ resourceType: 'Bundle', type: 'transaction-response', entry: answers }))
      })
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())
  afterEach(() => {
    isAway = false
    vi.restoreAllMocks()
  })

  it('retries what passes, goes on where a file is refused, and counts by type', async () => {
    const first = patientBundle({ seed: 'import', index: 1 })
    const second = patientBundle({ seed: 'import', index: 2 })
    const without = {
      ...second,
      entry: second.entry.filter(({ resource }) => resource.resourceType === 'Organization'),
    }
    const paths = [
      file('1.json', JSON.stringify(first)),
      file('2.json', JSON.stringify(without)),
      file('3.json', '{'),
      file('4.json', JSON.stringify(second)),
    ]
    const summary = await importBundles(paths.map(fileSource), { origin, token: async () => 't' })
    expect(summary).toMatchObject({ fileCount: 4, storedCount: 2 })
    expect(summary.resourceCount).toBe(first.entry.length + second.entry.length)
    expect(summary.countsByType.get('Patient')).toBe(2)
    expect(summary.refusals.map(({ number, reason }) => [number, reason])).toEqual([
      [2, '422 no patient at Bundle.entry'],
      [3, expect.stringContaining('not JSON')],
    ])
    expect(new Set(keys).size).toBe(3)
    expect(keys).toHaveLength(6)
  })

  it.each([
    ['no entries', {}, 'for 0 of 2 entries'],
    [
      'fewer entries than were sent',
      { entry: [{ response: { status: '201 Created', location: 'Patient/1' } }] },
      'for 1 of 2 entries',
    ],
    [
      'entries that are none',
      { entry: [null, { response: { status: 201 } }] },
      '2 of 2 entries refused, first entry 0: no status',
    ],
  ])('refuses a file that is answered with %s', async (name, answer, reason) => {
    instead = answer
    const bundle = patientBundle({ seed: name, index: 7 })
    const path = file('7.json', JSON.stringify({ ...bundle, entry: bundle.entry.slice(0, 2) }))
    const summary = await importBundles([fileSource(path)], { origin, token: async () => 't' })
    instead = null
    expect(summary).toMatchObject({ storedCount: 0, resourceCount: 0, refusals: [{ name: '7.json' }] })
    expect(summary.refusals[0]!.reason).toContain(reason)
  })

  it('ends where the server stays away, which is no verdict on a file', async () => {
    isAway = true
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const paths = [8, 9].map((index) => file(`${index}.json`, JSON.stringify(patientBundle({ seed: 'import', index }))))
    const ended = importBundles(paths.map(fileSource), { origin, token: async () => 't', concurrency: 1 })
    await expect(ended).rejects.toMatchObject({ message: `${origin}/fhir: 503`, exitCode: EXIT.unreachable })
  })

  it('refuses a file whose answer is no JSON, and names file and server', async () => {
    isPage = true
    const paths = [5, 6].map((index) => file(`${index}.json`, JSON.stringify(patientBundle({ seed: 'import', index }))))
    const summary = await importBundles(paths.map(fileSource), { origin, token: async () => 't' })
    expect(summary.refusals).toMatchObject(
      [5, 6].map((index) => ({ name: `${index}.json`, reason: `${origin} answered 200 without JSON` })),
    )
  })
})

describe('a cached token', () => {
  it('is asked for once, and again before it ends', async () => {
    let [asked, now] = [0, 0]
    const ask = async () => ({ token: `t${++asked}`, expiresInSeconds: 300 })
    const token = cachedToken(ask, () => now)
    expect(await Promise.all([token(), token()])).toEqual(['t1', 't1'])
    now = 239_000
    expect(await token()).toBe('t1')
    now = 241_000
    expect(await token()).toBe('t2')
  })

  it('is asked for again after a failure', async () => {
    let asked = 0
    const ask = async () => {
      asked += 1
      if (asked === 1) throw new Error('no')
      return { token: 't', expiresInSeconds: 300 }
    }
    const token = cachedToken(ask)
    await expect(token()).rejects.toThrow('no')
    expect(await token()).toBe('t')
  })
})
