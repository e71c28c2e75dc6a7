import { Injectable } from '@nestjs/common'
import type { FieldTree, SubjectKey } from '@careseal/crypto'
import type { Resource } from '@careseal/fhir'
import { SubjectKeys } from '@careseal/keys'
import type { Queryable } from '@careseal/event-store'
import type { StoredVersion } from './version.js'
import { fieldsOf, VersionVault } from './version-vault.js'

/** A version with its content; a deletion has none, nor has one whose subject was erased. */
export type OpenedVersion = StoredVersion & { resource: Resource | undefined }

/** Decrypts; what comes out must stay in this process until its disclosure is recorded. */
@Injectable()
export class VersionOpener {
  constructor(
    private readonly keys: SubjectKeys,
    private readonly vault: VersionVault,
  ) {}

  /** Waits for an erasure that is under way, and opens nothing of what was erased. Throws SealBroken when a row was altered or swapped. */
  async open(sql: Queryable, versions: readonly StoredVersion[]): Promise<OpenedVersion[]> {
    const keys = await this.keysOf(sql, versions)
    return versions.map((version) => ({ ...version, resource: this.contentOf(version, keys) }))
  }

  /** The tree over the fields of a version; undefined when its subject was erased. */
  async fields(sql: Queryable, { resource, ...version }: OpenedVersion): Promise<FieldTree | undefined> {
    const key = (await this.keysOf(sql, [version])).get(version.keyId ?? '')
    return key && resource && fieldsOf(key, version, resource)
  }

  private keysOf(sql: Queryable, versions: readonly StoredVersion[]): Promise<Map<string, SubjectKey>> {
    const keyIds = new Set(versions.flatMap((version) => (version.keyId === null ? [] : [version.keyId])))
    return this.keys.acquireVersions(sql, [...keyIds])
  }

  private contentOf(version: StoredVersion, keys: ReadonlyMap<string, SubjectKey>): Resource | undefined {
    const { ciphertext, keyId, schema } = version
    const key = keyId === null ? undefined : keys.get(keyId)
    return ciphertext && key ? this.vault.open(key, version, { ciphertext, schema }) : undefined
  }
}
