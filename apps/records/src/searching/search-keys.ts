import { Injectable } from '@nestjs/common'
import { EventStore } from '@careseal/event-store'
import type { TokenTerm } from '@careseal/fhir'
import { SubjectKeys } from '@careseal/keys'
import { setImmediate } from 'node:timers/promises'
import { LivingPatients } from '../versions/living-patients.js'
import { RecordsDatabase } from '../versions/records-database.js'
import { tokenMacs, type TokenParameter } from '../versions/version-vault.js'
import { Cursors } from './cursor.js'

/** What of searching needs keys: the blind index and page cursors. */
@Injectable()
export class SearchKeys {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly events: EventStore,
    private readonly keys: SubjectKeys,
    private readonly patients: LivingPatients,
  ) {}

  async cursors(): Promise<Cursors> {
    const { deploymentId } = this.events
    const keys = await this.database.read((sql) => this.keys.acquire(sql, [deploymentId], { create: true }))
    return new Cursors(keys.get(deploymentId)!)
  }

  /** Those of these patients who exist and are not erased: an event may name them. */
  living(patientIds: readonly string[]): Promise<Set<string>> {
    return this.patients.existing(patientIds)
  }

  /** Per group of terms the index entries of any of these patients that meet it. */
  async macs(groups: readonly [TokenParameter, TokenTerm[]][], patientIds: readonly string[]): Promise<Buffer[][]> {
    if (groups.length === 0) return []
    const keys = await this.database.read((sql) =>
      this.keys.acquire(sql, patientIds, { create: false, erased: 'omit' }),
    )
    const macs = groups.map((): Buffer[] => [])
    for (const key of keys.values()) {
      const macOf = tokenMacs(key)
      groups.forEach(([parameter, terms], group) => {
        for (const { code = '' } of terms) macs[group]!.push(macOf(parameter, code))
      })
      // Many codes under many patients' keys take a second; others are served meanwhile.
      await setImmediate()
    }
    return macs
  }
}
