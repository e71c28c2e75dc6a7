// Fills one page: candidates in order, those that may not be seen left out before anything of them is decrypted.
import { matchesSearch, type SearchQuery } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import { allPermit, type Permit, type Permits } from '../access/permit.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import type { ResourceHead } from '../versions/version.js'

export type PageSource = {
  candidates: (page: { after: string; limit: number }) => Promise<ResourceHead[]>
  decide: (patientIds: string[]) => Promise<Permits>
  open: (heads: readonly ResourceHead[]) => Promise<OpenedVersion[]>
}

export type Page = { matches: OpenedVersion[]; permits: Permits; next: string | undefined }

/** The most resources that are decrypted for one page (privacy.md, "Search"). */
export const DECRYPTED_MAX = 500
const BATCH = 100

/** Throws 422 too-costly when a page cannot be filled by looking at so many resources. */
export async function buildPage(query: SearchQuery, start: string, source: PageSource): Promise<Page> {
  const building = { permits: new Map<string, Permit>(), asked: new Set<string>(), decrypted: 0 }
  const found: { version: OpenedVersion; ordinal: string }[] = []
  for (let after = start; ;) {
    const batch = await source.candidates({ after, limit: BATCH })
    const visible = await visibleOf(batch, source, building)
    building.decrypted += visible.length
    if (building.decrypted > DECRYPTED_MAX) throw tooCostly()
    const opened = await source.open(visible)
    opened.forEach((version, place) => {
      if (version.resource && matchesSearch(version.resource, query)) {
        found.push({ version, ordinal: visible[place]!.ordinal })
      }
    })
    const last = batch.at(-1)
    if (!last || batch.length < BATCH || found.length > query.count) return pageOf(found, query.count, building.permits)
    after = last.ordinal
  }
}

async function visibleOf(
  batch: readonly ResourceHead[],
  source: PageSource,
  { permits, asked }: { permits: Map<string, Permit>; asked: Set<string> },
): Promise<ResourceHead[]> {
  const fresh = [...new Set(batch.flatMap((head) => head.patientIds))].filter((id) => !asked.has(id))
  for (const id of fresh) asked.add(id)
  for (const [patientId, permit] of await source.decide(fresh)) permits.set(patientId, permit)
  return batch.filter((head) => allPermit(permits, head.patientIds))
}

function pageOf(found: { version: OpenedVersion; ordinal: string }[], count: number, permits: Permits): Page {
  const shown = found.slice(0, count)
  const next = found.length > count ? shown.at(-1)?.ordinal : undefined
  return { matches: shown.map(({ version }) => version), permits, next }
}

function tooCostly(): HttpProblem {
  const detail = 'Too many resources would have to be looked at; narrow the search by patient, code or category.'
  const issue = { severity: 'error' as const, code: 'too-costly', diagnostics: detail }
  return new HttpProblem(422, 'too-costly', detail, { issues: [issue] })
}
