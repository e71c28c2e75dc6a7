// Fills one page: candidates in order, those that may not be seen left out before anything of them is decrypted.
import { matchesSearch, type SearchQuery } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import { allPermit, type Permit, type Permits } from '../access/permit.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import type { Candidate } from './candidates.query.js'

export type PageSource = {
  candidates: (page: { after: string; limit: number }) => Promise<Candidate[]>
  decide: (patientIds: string[]) => Promise<Permits>
  open: (heads: readonly Candidate[]) => Promise<OpenedVersion[]>
}

export type Page = { matches: OpenedVersion[]; permits: Permits; next: string | undefined }

/** The most resources that are decrypted for one page (privacy.md, "Search"). */
export const DECRYPTED_MAX = 500
const BATCH = 100

/** The most bytes that are decrypted for one page, unless its first resource alone is larger. */
export const DECRYPTED_BYTES_MAX = 32 * 1024 * 1024

type Building = { permits: Map<string, Permit>; asked: Set<string>; decrypted: number; bytes: number }

/** A page ends early where its bytes are used up: `next` then leads on. Throws 422 too-costly when a page cannot be filled by looking at so many resources. */
export async function buildPage(query: SearchQuery, start: string, source: PageSource): Promise<Page> {
  const building: Building = { permits: new Map(), asked: new Set(), decrypted: 0, bytes: 0 }
  const found: Found[] = []
  for (let after = start; ;) {
    const batch = await source.candidates({ after, limit: BATCH })
    const visible = await visibleOf(batch, source, building)
    const affordable = affordableOf(visible, building)
    const opened = await source.open(affordable)
    opened.forEach((version, place) => {
      if (version.resource && matchesSearch(version.resource, query)) {
        found.push({ version, ordinal: affordable[place]!.ordinal })
      }
    })
    const last = batch.at(-1)
    const cutAt = affordable.length < visible.length ? (affordable.at(-1)?.ordinal ?? after) : undefined
    if (!last || batch.length < BATCH || found.length > query.count || cutAt !== undefined) {
      return pageOf(found, query.count, { permits: building.permits, cutAt })
    }
    after = last.ordinal
  }
}

/** What is opened of these, in order, before the bytes are used up; hidden resources count for nothing. */
function affordableOf(visible: readonly Candidate[], building: Building): Candidate[] {
  const tooLarge = visible.findIndex(({ bytes }) => {
    const isFirst = building.bytes === 0
    if (!isFirst && building.bytes + bytes > DECRYPTED_BYTES_MAX) return true
    building.bytes += bytes
    return false
  })
  const affordable = tooLarge === -1 ? [...visible] : visible.slice(0, tooLarge)
  building.decrypted += affordable.length
  if (building.decrypted > DECRYPTED_MAX) throw tooCostly()
  return affordable
}

async function visibleOf(
  batch: readonly Candidate[],
  source: PageSource,
  { permits, asked }: Building,
): Promise<Candidate[]> {
  const fresh = [...new Set(batch.flatMap((head) => head.patientIds))].filter((id) => !asked.has(id))
  for (const id of fresh) asked.add(id)
  for (const [patientId, permit] of await source.decide(fresh)) permits.set(patientId, permit)
  return batch.filter((head) => allPermit(permits, head.patientIds))
}

type Found = { version: OpenedVersion; ordinal: string }

function pageOf(
  found: Found[],
  count: number,
  { permits, cutAt }: { permits: Permits; cutAt: string | undefined },
): Page {
  const shown = found.slice(0, count)
  const next = found.length > count ? shown.at(-1)?.ordinal : cutAt
  return { matches: shown.map(({ version }) => version), permits, next }
}

function tooCostly(): HttpProblem {
  const detail = 'Too many resources would have to be looked at; narrow the search by patient, code or category.'
  const issue = { severity: 'error' as const, code: 'too-costly', diagnostics: detail }
  return new HttpProblem(422, 'too-costly', detail, { issues: [issue] })
}
