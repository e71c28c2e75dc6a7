// What a request writes on and whom it concerns, found out before anybody is asked and before any key is made.
import { Injectable } from '@nestjs/common'
import { referencesIn, type Resource } from '@careseal/fhir'
import { PATIENTS_MAX, tooManyPatients } from '../access/consent.client.js'
import { notFoundToWrite } from '../access/refusals.js'
import { LivingPatients } from '../versions/living-patients.js'
import { RecordsDatabase } from '../versions/records-database.js'
import { headsOf, writersOf, type Reference } from '../versions/version.query.js'
import type { ResourceHead } from '../versions/version.js'
import { BundleRefused } from './bundle-refused.js'
import { inheritedPatients } from './inheritance.js'
import { isServerId, type PlannedWrite } from './write-plan.js'

/** The writes with all patients concerned, and what they write on, by `Type/id`. */
export type WriteTargets = {
  writes: PlannedWrite[]
  heads: ReadonlyMap<string, ResourceHead>
  /** Which member wrote the present version, where that is known. */
  writers: ReadonlyMap<string, string>
  /** Whom the request concerns and who is not here, or erased. */
  absent: ReadonlySet<string>
}

@Injectable()
export class WriteTargeting {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly living: LivingPatients,
  ) {}

  /** Throws 404 for an unknown resource, 422 for more patients than consent decides on in one request. */
  async targetsOf(planned: readonly PlannedWrite[]): Promise<WriteTargets> {
    // Before anything is looked up: what is counted here is in the request, and tells of nothing else.
    assertFew(planned)
    const existing = planned.filter((write) => write.interaction !== 'create')
    const heads = await this.headsToWrite(existing)
    const writes = await this.inheritPatients(planned.map((write) => withPatients(write, heads)))
    assertFew(writes, heads)
    const absent = await this.absentPatients(writes, heads)
    return { writes, heads, writers: await this.writersOf(existing), absent }
  }

  private async headsToWrite(existing: readonly PlannedWrite[]): Promise<Map<string, ResourceHead>> {
    if (existing.length === 0) return new Map()
    const heads = await this.database.ask((sql) => headsOf(sql, existing))
    const missing = existing.find((write) => !heads.has(nameOf(write)))
    if (missing) throw new BundleRefused(notFoundToWrite(), missing.where)
    return heads
  }

  private async writersOf(existing: readonly PlannedWrite[]): Promise<Map<string, string>> {
    if (existing.length === 0) return new Map()
    return this.database.ask((sql) => writersOf(sql, existing))
  }

  /**
   * A resource without a patient of its own belongs to the patients of what it refers to (Provenance.target,
   * Binary.securityContext, List.entry.item): else it would tell about them to whoever has the scope.
   */
  private async inheritPatients(writes: PlannedWrite[]): Promise<PlannedWrite[]> {
    const orphans = new Map(
      writes.filter(isOrphan).map((write): [string, Reference[]] => [nameOf(write), localTargets(write.resource!)]),
    )
    const targets = [...orphans.values()].flat()
    if (targets.length === 0) return writes
    const stored = await this.database.ask((sql) => headsOf(sql, targets))
    const heirs = writes.map((write) => {
      const name = nameOf(write)
      return { name, patientIds: write.patientIds, refersTo: orphans.get(name)?.map(nameOf) ?? [] }
    })
    const owners = inheritedPatients(heirs, new Map([...stored].map(([name, head]) => [name, head.patientIds])))
    return writes.map((write) => ({ ...write, patientIds: owners.get(nameOf(write))! }))
  }

  /**
   * Patients whom a write names and who are not here, and all who are erased. A deletion, and a Patient brought back,
   * name nobody new.
   */
  private async absentPatients(
    writes: readonly PlannedWrite[],
    heads: ReadonlyMap<string, ResourceHead>,
  ): Promise<Set<string>> {
    const born = new Set(bornIn(writes))
    const named = writes.flatMap((write) => (write.resource ? write.patientIds.filter((id) => !isSelf(write, id)) : []))
    const others = [...new Set(named)].filter((id) => !born.has(id))
    const before = patientsOf(heads.values())
    const [existing, active] = [await this.living.existing(others), await this.living.active(before)]
    return new Set([...others.filter((id) => !existing.has(id)), ...before.filter((id) => !active.has(id))])
  }
}

/** Patients that the request itself creates. */
export function bornIn(writes: readonly PlannedWrite[]): string[] {
  return writes.filter((write) => write.interaction === 'create' && write.type === 'Patient').map((write) => write.id)
}

/** Whether a write on a Patient names that Patient: an update may bring a deleted one back. */
export function isSelf(write: PlannedWrite, id: string): boolean {
  return write.type === 'Patient' && write.id === id
}

export function nameOf({ type, id }: Reference): string {
  return `${type}/${id}`
}

export function patientsOf(concerned: Iterable<{ patientIds: readonly string[] }>): string[] {
  return [...new Set([...concerned].flatMap(({ patientIds }) => patientIds))]
}

function assertFew(writes: readonly PlannedWrite[], heads: ReadonlyMap<string, ResourceHead> = new Map()): void {
  if (patientsOf([...writes, ...heads.values()]).length > PATIENTS_MAX) throw tooManyPatients()
}

const isOrphan = (write: PlannedWrite): boolean => write.resource !== undefined && write.patientIds.length === 0

function withPatients(write: PlannedWrite, heads: ReadonlyMap<string, ResourceHead>): PlannedWrite {
  if (write.interaction !== 'delete') return write
  return { ...write, patientIds: heads.get(nameOf(write))?.patientIds ?? [] }
}

function localTargets(resource: Resource): Reference[] {
  return referencesIn(resource).flatMap(({ reference }) => {
    const [, type, id] = /^([A-Z][A-Za-z]+)\/([0-9a-f-]{36})(?:\/_history\/[0-9a-f-]{36})?$/.exec(reference) ?? []
    return type !== undefined && id !== undefined && isServerId(id) ? [{ type, id }] : []
  })
}
