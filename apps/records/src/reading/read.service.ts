// read, vread and history: find, ask consent, record, release. Whatever may not be seen answers as if it were not there.
import { Injectable } from '@nestjs/common'
import type { Caller, PurposeOfUse } from '@careseal/contracts'
import type { Queryable } from '@careseal/event-store'
import { ConsentClient } from '../access/consent.client.js'
import { allPermit, type Permits } from '../access/permit.js'
import { gone, notFound } from '../access/refusals.js'
import { currentVersionOf, historyFacts, historyOf, versionOf, type Reference } from '../versions/version.query.js'
import { RecordsDatabase } from '../versions/records-database.js'
import type { StoredVersion } from '../versions/version.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import { isServerId } from '../writing/write-plan.js'
import { AnswerBudget } from './answer-budget.js'
import { DisclosureService } from './disclosure.service.js'

export type ReadContext = { caller: Caller; purpose: PurposeOfUse }

/** A living version with its content. */
export type LivingVersion = OpenedVersion & { resource: NonNullable<OpenedVersion['resource']> }

@Injectable()
export class ReadService {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly consent: ConsentClient,
    private readonly disclosures: DisclosureService,
    private readonly budget: AnswerBudget,
  ) {}

  /** The present version. Throws 404, or 410 when it is deleted and the caller may know. */
  async read(reference: Reference, context: ReadContext): Promise<LivingVersion> {
    const version = await this.find(reference, (sql) => currentVersionOf(sql, reference))
    return this.releaseOne(version, 'read', context)
  }

  async vread(reference: Reference & { versionId: string }, context: ReadContext): Promise<LivingVersion> {
    return this.releaseOne(await this.findVersion(reference), 'vread', context)
  }

  /** A version by its id, for a caller who has yet to be permitted. Throws 404. */
  async findVersion(reference: Reference & { versionId: string }): Promise<StoredVersion> {
    if (!isServerId(reference.versionId)) throw notFound()
    return this.find(reference, (sql) => versionOf(sql, reference))
  }

  /** Everybody whom any version concerns must permit. A page ends early where its bytes are used up; `next` is the version number to go on before. */
  async history(
    reference: Reference,
    page: { before: number | undefined; limit: number },
    context: ReadContext,
  ): Promise<{ versions: OpenedVersion[]; total: number; next: number | undefined }> {
    const found = await this.find(reference, async (sql) => {
      const facts = await historyFacts(sql, reference)
      if (facts.count === 0) return undefined
      return { facts, ...(await historyOf(sql, reference, { ...page, bytesMax: this.budget.bytesMax })) }
    })
    const permits = await this.permitted(reference.type, found.facts.patientIds, context)
    const disclosure = { ...context, interaction: 'history' as const, versions: found.versions, permits }
    const versions = await this.disclosures.disclose(disclosure)
    return { versions, total: found.facts.count, next: found.more ? versions.at(-1)?.versionNo : undefined }
  }

  /** The permits of all these patients, or 404. */
  async permitted(type: string, patientIds: readonly string[], { caller, purpose }: ReadContext): Promise<Permits> {
    const permits = await this.consent.decide({ caller, purpose, action: 'read', patientIds, types: [type] })
    if (!allPermit(permits, patientIds)) throw notFound()
    return permits
  }

  private async find<T>(reference: Reference, find: (sql: Queryable) => Promise<T | undefined>): Promise<T> {
    if (!isServerId(reference.id)) throw notFound()
    const found = await this.database.ask(find)
    if (!found) throw notFound()
    return found
  }

  private async releaseOne(
    version: StoredVersion,
    interaction: 'read' | 'vread',
    context: ReadContext,
  ): Promise<LivingVersion> {
    const permits = await this.permitted(version.type, version.patientIds, context)
    const [opened] = await this.disclosures.disclose({ ...context, interaction, versions: [version], permits })
    if (!opened?.resource) throw gone()
    return { ...opened, resource: opened.resource }
  }
}
