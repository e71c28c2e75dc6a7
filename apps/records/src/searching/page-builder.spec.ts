import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSearch, type SearchQuery } from '@careseal/fhir'
import { idOf } from '@careseal/testing'
import type { OpenedVersion } from '../versions/version-opener.js'
import type { Candidate } from './candidates.query.js'
import { buildPage, DECRYPTED_BYTES_MAX, DECRYPTED_MAX, type Page, type PageSource } from './page-builder.js'

type Row = { patient: number; code: 'a' | 'b'; bytes?: number }

const queryOf = (count: number): SearchQuery => {
  const parsed = parseSearch('Observation', [['code', 'a'], ['_count', String(count)]], { strict: true }) // prettier-ignore
  if (!parsed.ok) throw new Error('the query is wrong')
  return parsed.query
}

function sourceOf(rows: Row[], permitted: (patient: number) => boolean): PageSource & { opened: Set<string> } {
  const opened = new Set<string>()
  const heads = rows.map((row, place): Candidate => {
    const id = idOf(place + 1)
    return {
      type: 'Observation',
      id,
      ordinal: String(place + 1),
      versionId: id,
      versionNo: 1,
      deleted: false,
      bytes: row.bytes ?? 100,
      patientIds: row.patient === 0 ? [] : [idOf(row.patient)],
    }
  })
  return {
    opened,
    candidates: async ({ after, limit }) =>
      heads.filter((head) => Number(head.ordinal) > Number(after)).slice(0, limit),
    decide: async (ids) => {
      const allowed = ids.filter((id) => permitted(Number(id.slice(-12))))
      return new Map(allowed.map((patientId) => [patientId, { patientId, permitId: patientId, expiresAtMs: Infinity }]))
    },
    open: async (asked) =>
      asked.map((head) => {
        opened.add(head.id)
        const coding = [{ code: rows[Number(head.ordinal) - 1]!.code }]
        return {
          id: head.id,
          resource: { resourceType: 'Observation', id: head.id, code: { coding } },
        } as unknown as OpenedVersion
      }),
  }
}

async function allPages(source: PageSource, count: number): Promise<string[]> {
  const found: string[] = []
  for (let start: string | undefined = '0'; start !== undefined;) {
    const page = await buildPage(queryOf(count), start, source)
    expect(page.matches.length).toBeLessThanOrEqual(count)
    // A page may be short only at the end: a gap would tell that something is hidden.
    expect(page.next === undefined || page.matches.length === count).toBe(true)
    found.push(...page.matches.map((match) => match.id))
    start = page.next
  }
  return found
}

describe('pages', () => {
  it('hold exactly what matches and is permitted, whatever the size of a page', async () => {
    const row = fc.record({
      patient: fc.integer({ min: 0, max: 4 }),
      code: fc.constantFrom('a' as const, 'b' as const),
    })
    const property = fc.asyncProperty(
      fc.array(row, { maxLength: 250, size: 'max' }),
      fc.integer({ min: 1, max: 120 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 4 })),
      async (rows, count, allowed) => {
        const source = sourceOf(rows, (patient) => allowed.includes(patient))
        const naive = rows.flatMap((one, place) =>
          one.code === 'a' && (one.patient === 0 || allowed.includes(one.patient)) ? [idOf(place + 1)] : [],
        )
        expect(await allPages(source, count)).toEqual(naive)
        const hidden = rows.flatMap((one, i) =>
          one.patient > 0 && !allowed.includes(one.patient) ? [idOf(i + 1)] : [],
        )
        expect(hidden.filter((id) => source.opened.has(id))).toEqual([])
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  it('end early where their bytes are used up, and lead on', async () => {
    const bytes = fc.constantFrom(0, 1, 40).map((megabytes) => megabytes * 1024 * 1024)
    const row = fc.record({
      patient: fc.integer({ min: 0, max: 2 }),
      code: fc.constantFrom('a' as const, 'b' as const),
      bytes,
    })
    const property = fc.asyncProperty(fc.array(row, { maxLength: 150, size: 'max' }), async (rows) => {
      const source = sourceOf(rows, (patient) => patient === 1)
      const found: string[] = []
      for (let start: string | undefined = '0'; start !== undefined;) {
        source.opened.clear()
        const page: Page = await buildPage(queryOf(50), start, source)
        const sizes = [...source.opened].map((id) => rows[Number(id.slice(-12)) - 1]!.bytes)
        const opened = sizes.reduce((sum, one) => sum + one, 0)
        expect(opened <= DECRYPTED_BYTES_MAX || sizes.filter((one) => one > 0).length === 1).toBe(true)
        found.push(...page.matches.map((match) => match.id))
        start = page.next
      }
      expect(found).toEqual(
        rows.flatMap((one, place) => (one.code === 'a' && one.patient !== 2 ? [idOf(place + 1)] : [])),
      )
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('are refused when too many resources would be opened for one', async () => {
    const rows = Array.from({ length: DECRYPTED_MAX + 1 }, (): Row => ({ patient: 1, code: 'b' }))
    const refused = buildPage(
      queryOf(10),
      '0',
      sourceOf(rows, () => true),
    )
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'too-costly' })
    await expect(
      buildPage(
        queryOf(10),
        '0',
        sourceOf(rows, () => false),
      ),
    ).resolves.toMatchObject({ matches: [] })
  })
})
