// The subjects' keys of one service, unwrapped by its root key as they are asked for, straight from the key schema.
import { readFileSync } from 'node:fs'
import type { ClientBase } from 'pg'
import { CliError, EXIT } from '../exit.js'
import { unseal, type OpenedKey } from './naive-seal.js'

type KeyRow = { subject_id: string; key_version: number; key_id: string; wrapped: Buffer }

const KEYS_KEPT = 50_000

/** An id that has no row is absent from the answer; a row that the root key does not open is null. */
export type KeysById = ReadonlyMap<string, OpenedKey | null>

export class ServiceKeys {
  private readonly root: Buffer
  private known = new Map<string, OpenedKey | null>()

  /** `sql` finds the service's key schema by its search path. Throws (usage) when the file is no root key. */
  constructor(
    private readonly sql: ClientBase,
    keyFile: string,
  ) {
    this.root = rootKeyOf(keyFile)
  }

  async load(keyIds: readonly string[]): Promise<KeysById> {
    if (this.known.size > KEYS_KEPT) this.known = new Map()
    const missing = [...new Set(keyIds)].filter((keyId) => !this.known.has(keyId))
    if (missing.length > 0) {
      const { rows } = await this.sql.query<KeyRow>(
        'SELECT subject_id, key_version, key_id, wrapped FROM subject_key WHERE key_id = ANY ($1::uuid[])',
        [missing],
      )
      for (const row of rows) this.known.set(row.key_id, this.unwrap(row))
    }
    return this.known
  }

  private unwrap({ subject_id: subjectId, key_version: keyVersion, key_id: keyId, wrapped }: KeyRow): OpenedKey | null {
    const key = unseal(this.root, ['careseal/v1/subject-key', subjectId, keyId, keyVersion], wrapped)
    return key?.length === 32 ? { subjectId, keyId, keyVersion, key } : null
  }
}

function rootKeyOf(file: string): Buffer {
  const text = readFileSync(file, 'utf8').trim()
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw new CliError(EXIT.usage, `${file} is no root key of a service: it must hold 64 hex digits`)
}
