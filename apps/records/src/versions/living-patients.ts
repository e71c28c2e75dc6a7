// Which patients a request may still be about. Whoever is erased is as one who was never here, until a permit says more.
import { Injectable } from '@nestjs/common'
import { SubjectKeys } from '@careseal/keys'
import { RecordsDatabase } from './records-database.js'
import { existingPatients } from './version.query.js'

@Injectable()
export class LivingPatients {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly keys: SubjectKeys,
  ) {}

  /** Those of them who exist and are neither deleted nor erased. Makes no key for anybody who is not here. */
  async existing(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    const known = await this.database.ask((sql) => existingPatients(sql, ids))
    return this.active([...known])
  }

  /** Those who are not erased, of patients whom stored records concern. */
  async active(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    // A key that was lost with its database is made anew: who lacks one only so is not erased.
    const keys = await this.database.read((sql) => this.keys.acquire(sql, ids, { create: true, erased: 'omit' }))
    return new Set(keys.keys())
  }
}
