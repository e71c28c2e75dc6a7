// Encrypts, commits to and indexes the versions of a request, before consent is asked: it is the long part of a write,
// and a permit is short-lived.
import { Injectable } from '@nestjs/common'
import type { SubjectKey } from '@careseal/crypto'
import { EventStore } from '@careseal/event-store'
import { extractTokens, type Token } from '@careseal/fhir'
import { SubjectKeys } from '@careseal/keys'
import { setImmediate } from 'node:timers/promises'
import { RecordsDatabase } from '../versions/records-database.js'
import { fieldsOf, tokenMacs, VersionVault } from '../versions/version-vault.js'
import type { VersionRow } from '../versions/version.writer.js'
import { subjectOf } from './ownership.js'
import type { PlannedWrite } from './write-plan.js'

type Keys = ReadonlyMap<string, SubjectKey>

/** A write with everything that needs a key. */
export type SealedWrite = PlannedWrite & Pick<VersionRow, 'subjectId' | 'sealed' | 'tokens'>

const BREATH = 32

@Injectable()
export class WriteSealer {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly events: EventStore,
    private readonly keys: SubjectKeys,
    private readonly vault: VersionVault,
  ) {}

  /**
   * Seals all versions; gives the event loop a turn between them. Nothing is stored yet.
   *
   * A subject that is born in this request gets its key here; if the write is then denied, an unused key remains.
   */
  async seal(writes: readonly PlannedWrite[]): Promise<SealedWrite[]> {
    const keys = await this.database.read((sql) => this.keys.acquire(sql, this.subjectsOf(writes), { create: true }))
    const sealed: SealedWrite[] = []
    for (const [place, write] of writes.entries()) {
      if (place % BREATH === BREATH - 1) await setImmediate()
      sealed.push(this.sealOne(write, keys))
    }
    return sealed
  }

  /** The owners, and the patients in whose blind index the resources stand. */
  subjectsOf(writes: readonly PlannedWrite[]): string[] {
    const owners = writes.map((write) => subjectOf(write) ?? this.events.deploymentId)
    return [...new Set([...owners, ...writes.flatMap((write) => write.patientIds)])]
  }

  private sealOne(write: PlannedWrite, keys: Keys): SealedWrite {
    const subjectId = subjectOf(write) ?? this.events.deploymentId
    if (!write.resource) return { ...write, subjectId, tokens: [] }
    const key = keys.get(subjectId)!
    const ciphertext = this.vault.seal(key, write, write.resource)
    const fieldRoot = fieldsOf(key, write, write.resource).root
    return { ...write, subjectId, sealed: { keyId: key.keyId, ciphertext, fieldRoot }, tokens: tokensOf(write, keys) }
  }
}

function tokensOf({ resource, patientIds }: PlannedWrite, keys: Keys): VersionRow['tokens'] {
  if (!resource || patientIds.length === 0) return []
  const { code, category } = extractTokens(resource)
  if (code.length === 0 && category.length === 0) return []
  return patientIds.flatMap((patientId) => {
    const macOf = tokenMacs(keys.get(patientId)!)
    const macs = [
      ...distinctCodes(code).map((one) => macOf('code', one)),
      ...distinctCodes(category).map((one) => macOf('category', one)),
    ]
    return macs.map((mac) => ({ patientId, mac }))
  })
}

function distinctCodes(tokens: readonly Token[]): string[] {
  return [...new Set(tokens.map((token) => token.code))]
}
