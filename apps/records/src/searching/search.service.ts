// Search by patient, or over the patients whom the caller may reach. What is hidden changes no hit, no count, no page.
import { Injectable } from '@nestjs/common'
import type { EventData } from '@careseal/contracts'
import type { NewEvent } from '@careseal/event-store'
import { isPatientType, type SearchQuery, type TokenTerm } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import { randomUUID } from 'node:crypto'
import { ConsentClient, tooManyPatients } from '../access/consent.client.js'
import { actorOf } from '../access/release.js'
import { DisclosureService } from '../reading/disclosure.service.js'
import type { ReadContext } from '../reading/read.service.js'
import { headsOf } from '../versions/version.query.js'
import { RecordsDatabase } from '../versions/records-database.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import type { TokenParameter } from '../versions/version-vault.js'
import { isServerId } from '../writing/write-plan.js'
import { candidatesAfter, type CandidateScope } from './candidates.query.js'
import { Cursors, type CursorScope } from './cursor.js'
import { buildPage, type Page } from './page-builder.js'
import { SearchKeys } from './search-keys.js'

export type SearchResult = { matches: OpenedVersion[]; cursor: string | undefined }

type Patients = { ids: string[]; withoutPatient: boolean }

@Injectable()
export class SearchService {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly consent: ConsentClient,
    private readonly disclosures: DisclosureService,
    private readonly keys: SearchKeys,
  ) {}

  /** One page. SearchPerformed and a RecordRead per disclosed patient are committed before this returns. */
  async search(query: SearchQuery, context: ReadContext): Promise<SearchResult> {
    const cursors = await this.keys.cursors()
    const cursorScope: CursorScope = { caller: context.caller, target: query.type, used: query.used }
    const start = startOf(query, cursors, cursorScope)
    const patients = await this.patientsOf(query, context)
    const scope = await this.scopeOf(query, patients)
    const page = await this.pageOf(query, { scope, start }, context)
    await this.record(query, page, context)
    const cursor = page.next === undefined ? undefined : cursors.encode(page.next, cursorScope)
    return { matches: page.matches, cursor }
  }

  private async patientsOf(query: SearchQuery, { caller, purpose }: ReadContext): Promise<Patients> {
    const named = query.patientIds ?? (query.type === 'Patient' ? query.ids : undefined)
    if (named) return { ids: await this.existing(named), withoutPatient: false }
    if (query.ids) return this.patientsOfIds(query.type, query.ids.filter(isServerId))
    if (!isPatientType(query.type)) return { ids: [], withoutPatient: true }
    const { patientIds, complete } = await this.consent.reachable(caller, purpose)
    if (!complete) throw tooManyPatients()
    return { ids: patientIds, withoutPatient: query.type !== 'Patient' }
  }

  private async existing(ids: readonly string[]): Promise<string[]> {
    const known = ids.filter(isServerId)
    if (known.length > 500) throw tooManyPatients()
    return [...(await this.keys.living(known))]
  }

  private async patientsOfIds(type: string, ids: readonly string[]): Promise<Patients> {
    const references = ids.map((id) => ({ type, id }))
    const heads = await this.database.ask((sql) => headsOf(sql, references))
    const patientIds = new Set([...heads.values()].flatMap((head) => head.patientIds))
    if (patientIds.size > 500) throw tooManyPatients()
    return { ids: [...patientIds], withoutPatient: true }
  }

  private async scopeOf(query: SearchQuery, patients: Patients): Promise<CandidateScope> {
    const groups: [TokenParameter, TokenTerm[]][] = [
      ...query.code.map((terms): [TokenParameter, TokenTerm[]] => ['code', terms]),
      ...query.category.map((terms): [TokenParameter, TokenTerm[]] => ['category', terms]),
    ]
    // A term without a code (`system|`) is not in the index; its group is decided on decrypted values alone.
    const indexed = groups.filter(([, terms]) => terms.every((term) => term.code !== undefined))
    return {
      type: query.type,
      patientIds: patients.ids,
      withoutPatient: patients.withoutPatient,
      ids: query.ids?.filter(isServerId),
      macs: await this.keys.macs(indexed, patients.ids),
    }
  }

  private pageOf(
    query: SearchQuery,
    { scope, start }: { scope: CandidateScope; start: string },
    { caller, purpose }: ReadContext,
  ): Promise<Page> {
    return buildPage(query, start, {
      candidates: (page) => this.database.ask((sql) => candidatesAfter(sql, scope, page)),
      decide: (patientIds) => this.consent.decide({ caller, purpose, action: 'read', patientIds, types: [query.type] }),
      open: (heads) => this.disclosures.look(heads.map((head) => head.versionId)),
    })
  }

  private async record(query: SearchQuery, page: Page, context: ReadContext): Promise<void> {
    const [patientId, ...others] = query.patientIds ? await this.existing(query.patientIds) : []
    const asked = patientId !== undefined && others.length === 0 ? patientId : null
    await this.disclosures.record({
      ...context,
      interaction: 'search',
      versions: page.matches,
      permits: page.permits,
      also: [searchEvent(query, { asked, matches: page.matches.length }, context)],
    })
  }
}

function startOf(query: SearchQuery, cursors: Cursors, scope: CursorScope): string {
  if (query.cursor === undefined) return '0'
  const position = cursors.decode(query.cursor, scope)
  if (position !== undefined) return position
  throw new HttpProblem(400, 'wrong-cursor', 'The page link is not for this search or not for you; start again.')
}

function searchEvent(
  query: SearchQuery,
  { asked, matches }: { asked: string | null; matches: number },
  { caller, purpose }: ReadContext,
): NewEvent<'SearchPerformed'> {
  const data: EventData<'SearchPerformed'> = {
    ...actorOf(caller),
    type: query.type,
    ...(asked === null ? {} : { patientId: asked }),
    purpose,
    matches,
  }
  return { streamId: `search-${randomUUID()}`, expectedVersion: 0, type: 'SearchPerformed', subjectId: asked, data }
}
