import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { patientBundle } from '@careseal/synthetic'
import { EXIT } from '../exit.js'
import { importFolder } from './import-folder.fixture.js'
import { fileSource, importBundles } from './importer.js'

const { file } = importFolder()

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
