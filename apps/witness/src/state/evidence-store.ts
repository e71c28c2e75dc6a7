// Evidence of forks, one file each, named by the SHA-256 of its text: the same evidence is one file, and a name that was
// handed on always leads to the same proof.
import { createDurably } from '@careseal/cosigner'
import { hex, sha256 } from '@careseal/crypto'
import { formatEvidence, parseEvidence, type Evidence } from '@careseal/ledger-core'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WitnessUnfit } from './state-folder.js'

export type EvidenceEntry = { id: string; kind: Evidence['kind']; origin: string; logKey: string; sizes: number[] }

/**
 * Of one log. More says nothing new, for one file proves that its key is not to be believed; and a log that lies often
 * takes no room from evidence against others.
 */
export const FILES_OF_A_LOG_MAX = 100

export class EvidenceStore {
  private constructor(
    private readonly folder: string,
    private readonly entries: Map<string, EvidenceEntry>,
  ) {}

  /** Throws WitnessUnfit when a file there is no evidence. */
  static async open(folder: string): Promise<EvidenceStore> {
    const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))
    const entries = new Map<string, EvidenceEntry>()
    for (const name of names) {
      const id = name.slice(0, 64)
      entries.set(id, entryOf(id, readable(join(folder, name), await readFile(join(folder, name)))))
    }
    return new EvidenceStore(folder, entries)
  }

  get count(): number {
    return this.entries.size
  }

  list(): EvidenceEntry[] {
    return [...this.entries.values()]
  }

  /** The file's text, or null. */
  async read(id: string): Promise<string | null> {
    return this.entries.has(id) ? readFile(this.file(id), 'utf8') : null
  }

  /** Resolves to its id once it is durable; to null, and stores nothing, when there is enough against this log. */
  async add(evidence: Evidence): Promise<string | null> {
    const text = formatEvidence(evidence)
    const id = hex(sha256(new TextEncoder().encode(text)))
    if (this.entries.has(id)) return id
    const entry = entryOf(id, evidence)
    if (this.list().filter(({ origin }) => origin === entry.origin).length >= FILES_OF_A_LOG_MAX) return null
    await createDurably(this.file(id), text).catch((error: NodeJS.ErrnoException) => {
      // Two requests at once may have brought the same.
      if (error.code !== 'EEXIST') throw error
    })
    this.entries.set(id, entry)
    return id
  }

  private file(id: string): string {
    return join(this.folder, `${id}.json`)
  }
}

function readable(file: string, bytes: Uint8Array): Evidence {
  try {
    return parseEvidence(bytes)
  } catch {
    throw new WitnessUnfit('state-broken', `${file} is no evidence: restore it, or move it away`)
  }
}

function entryOf(id: string, { kind, logKey, notes }: Evidence): EvidenceEntry {
  const lines = notes.map((note) => note.split('\n'))
  return { id, kind, origin: lines[0]?.[0] ?? '', logKey, sizes: lines.map((each) => Number(each[1])) }
}
