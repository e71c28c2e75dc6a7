// Who must permit a write, and what is answered when one does not: nothing that tells whether a resource exists.
import { Injectable } from '@nestjs/common'
import type { Caller, PurposeOfUse } from '@careseal/contracts'
import { referencesIn, type Resource } from '@careseal/fhir'
import { ConsentClient } from '../access/consent.client.js'
import { allPermit, type Permits } from '../access/permit.js'
import { notFoundToWrite, roleDenied, writeDenied } from '../access/refusals.js'
import { RecordsDatabase } from '../versions/records-database.js'
import { existingPatients, headsOf, type Reference } from '../versions/version.query.js'
import type { ResourceHead } from '../versions/version.js'
import { BundleRefused } from './bundle-refused.js'
import { isServerId, type PlannedWrite } from './write-plan.js'

/** The writes with all patients concerned, what they write on, and which of their patients are not here. */
export type WriteTargets = {
  writes: PlannedWrite[]
  heads: ReadonlyMap<string, ResourceHead>
  absent: ReadonlySet<string>
}

@Injectable()
export class WriteAuthorisation {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly consent: ConsentClient,
  ) {}

  /** Finds what is written on. Throws 404 for an unknown resource. */
  async targetsOf(writes: readonly PlannedWrite[]): Promise<WriteTargets> {
    const heads = await this.headsToWrite(writes)
    const complete = await this.inheritPatients(writes.map((write) => withPatients(write, heads)))
    return { writes: complete, heads, absent: await this.absentPatients(complete) }
  }

  /**
   * A resource without a patient of its own belongs to the patients of what it refers to (Provenance.target,
   * Binary.securityContext, List.entry.item): else it would tell about them to whoever has the scope.
   */
  private async inheritPatients(writes: PlannedWrite[]): Promise<PlannedWrite[]> {
    const orphans = writes.filter((write) => write.resource && write.patientIds.length === 0)
    const targets = orphans.flatMap((write) => localTargets(write.resource!))
    if (targets.length === 0) return writes
    const stored = await this.database.read((sql) => headsOf(sql, targets))
    const own = new Map(writes.map((write) => [`${write.type}/${write.id}`, write.patientIds]))
    return writes.map((write) => {
      if (!write.resource || write.patientIds.length > 0) return write
      const names = localTargets(write.resource).map(({ type, id }) => `${type}/${id}`)
      const patientIds = names.flatMap((name) => own.get(name) ?? stored.get(name)?.patientIds ?? [])
      return { ...write, patientIds: [...new Set(patientIds)] }
    })
  }

  private async headsToWrite(writes: readonly PlannedWrite[]): Promise<Map<string, ResourceHead>> {
    const existing = writes.filter((write) => write.interaction !== 'create')
    if (existing.length === 0) return new Map()
    const heads = await this.database.read((sql) => headsOf(sql, existing))
    const missing = existing.find((write) => !heads.has(`${write.type}/${write.id}`))
    if (missing) throw new BundleRefused(notFoundToWrite(), missing.where)
    return heads
  }

  /** Patients whom a write names and who are not here. A deletion, and a Patient brought back, name nobody new. */
  private async absentPatients(writes: readonly PlannedWrite[]): Promise<Set<string>> {
    const born = new Set(bornIn(writes))
    const named = writes.flatMap((write) => (write.resource ? write.patientIds.filter((id) => !isSelf(write, id)) : []))
    const others = [...new Set(named)].filter((id) => !born.has(id))
    if (others.length === 0) return new Set()
    const known = await this.database.read((sql) => existingPatients(sql, others))
    return new Set(others.filter((id) => !known.has(id)))
  }

  /**
   * One permit per patient for the whole request. Throws 404 or 403 where one denies, 503 without consent.
   *
   * A patient who is not here is answered as one who denies. What is written on is judged before whom it names: else
   * a patient who is not here would tell whether the resource exists.
   */
  async permitted({ writes, heads, absent }: WriteTargets, caller: Caller, purpose: PurposeOfUse): Promise<Permits> {
    const before = [...heads.values()].flatMap((head) => head.patientIds)
    const named = writes.flatMap((write) => write.patientIds).filter((id) => !absent.has(id))
    const patientIds = [...before, ...named]
    const types = writes.map((write) => write.type)
    const question = { caller, purpose, action: 'write' as const, patientIds, born: bornIn(writes), types }
    const permits = await this.consent.decide(question)
    for (const write of writes)
      assertPermitted(write, { permits, absent, caller, head: heads.get(`${write.type}/${write.id}`) })
    return permits
  }
}

function withPatients(write: PlannedWrite, heads: ReadonlyMap<string, ResourceHead>): PlannedWrite {
  if (write.interaction !== 'delete') return write
  return { ...write, patientIds: heads.get(`${write.type}/${write.id}`)?.patientIds ?? [] }
}

function localTargets(resource: Resource): Reference[] {
  return referencesIn(resource).flatMap(({ reference }) => {
    const [, type, id] = /^([A-Z][A-Za-z]+)\/([0-9a-f-]{36})(?:\/_history\/[0-9a-f-]{36})?$/.exec(reference) ?? []
    return type !== undefined && id !== undefined && isServerId(id) ? [{ type, id }] : []
  })
}

function bornIn(writes: readonly PlannedWrite[]): string[] {
  return writes.filter((write) => write.interaction === 'create' && write.type === 'Patient').map((write) => write.id)
}

// An update may bring a deleted Patient back.
function isSelf(write: PlannedWrite, id: string): boolean {
  return write.type === 'Patient' && write.id === id
}

function assertPermitted(
  write: PlannedWrite,
  {
    permits,
    absent,
    caller,
    head,
  }: { permits: Permits; absent: ReadonlySet<string>; caller: Caller; head: ResourceHead | undefined },
): void {
  if (head && !allPermit(permits, head.patientIds)) throw new BundleRefused(notFoundToWrite(), write.where)
  const isOrphan = write.resource && write.patientIds.some((id) => absent.has(id) && !isSelf(write, id))
  if (isOrphan || !allPermit(permits, write.patientIds)) throw writeDenied(write.where)
  const nobodys = write.patientIds.length === 0 || head?.patientIds.length === 0
  if (nobodys && !['system', 'practitioner', 'operator'].includes(caller.role)) throw roleDenied(write.where)
}
