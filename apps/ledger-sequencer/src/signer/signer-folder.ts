// The files of the signer: its memory, the log's key, and the genesis entry. They are made once, in this order, by
// `careseal ledger init`; so a folder without the first but with another of them has lost its memory, and is refused.
// The tombstones (tombstone-store.ts) are made before all of them, and the memory says from its version on that they are.
import { createDurably, readIfThere, replaceDurably, syncFolder } from '@careseal/cosigner'
import type { KnownTree } from '@careseal/ledger-core'
import { join } from 'node:path'
import { SignerUnfit } from './signer-unfit.js'

export type SignerFiles = { state: string | null; key: string | null; genesis: string | null }

/** `signer-state.json`, `log.key`, `genesis.json` below one folder, which nobody but the sequencer's user may read. */
export class SignerFolder {
  constructor(readonly path: string) {}

  async read(): Promise<SignerFiles> {
    return {
      state: await readIfThere(this.file('signer-state.json')),
      key: await readIfThere(this.file('log.key')),
      genesis: await readIfThere(this.file('genesis.json')),
    }
  }

  async readState(): Promise<KnownTree> {
    return parseState(await readIfThere(this.file('signer-state.json')))
  }

  /** Makes durable what is read, for a crash may have come before its own fsync. */
  sync(): Promise<void> {
    return syncFolder(this.path)
  }

  createState(tree: KnownTree): Promise<void> {
    return createDurably(this.file('signer-state.json'), formatState(tree))
  }

  replaceState(tree: KnownTree): Promise<void> {
    return replaceDurably(this.file('signer-state.json'), formatState(tree))
  }

  createKey(text: string): Promise<void> {
    return createDurably(this.file('log.key'), text)
  }

  createGenesis(entry: string): Promise<void> {
    return createDurably(this.file('genesis.json'), entry)
  }

  private file(name: string): string {
    return join(this.path, name)
  }
}

// Version 2 says that there are tombstones beside it; version 1 was written before the signer kept any.
function formatState({ size, root }: KnownTree): string {
  return `${JSON.stringify({ v: 2, size, root: Buffer.from(root).toString('hex') })}\n`
}

/** True of a state that is whole and was written when the signer kept no tombstones yet. */
export function isFromBeforeTombstones(text: string | null): boolean {
  return text !== null && parseFields(text)?.v === 1
}

export function parseState(text: string | null): KnownTree {
  if (text === null) {
    const mend = 'restore it from where it was lost, never make a new one: it alone knows what was signed'
    throw new SignerUnfit('signer-state-missing', `the signer state is missing; ${mend}`)
  }
  const fields = parseFields(text)
  if ((fields?.v === 1 || fields?.v === 2) && isSize(fields.size) && /^[0-9a-f]{64}$/.test(String(fields.root))) {
    return { size: fields.size, root: Buffer.from(fields.root as string, 'hex') }
  }
  throw new SignerUnfit('signer-state-broken', 'the signer state cannot be read')
}

function parseFields(text: string): { v?: unknown; size?: unknown; root?: unknown } | null {
  try {
    return JSON.parse(text) as { v?: unknown; size?: unknown; root?: unknown }
  } catch {
    return null
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
