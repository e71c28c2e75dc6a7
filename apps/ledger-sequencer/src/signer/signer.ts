// The signer: a witness that holds the log's key. It remembers the largest tree it signed, durably and before it signs,
// and signs nothing that does not continue that tree. Its memory never comes from the ledger's database.
import { TreeMemory } from '@careseal/cosigner'
import {
  parseCheckpoint,
  parseEntry,
  signNote,
  type Genesis,
  type KnownTree,
  type SwapRefusal,
} from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { parseLogKey, type LogKey } from './log-key.js'
import { isFromBeforeTombstones, parseState, SignerFolder, type SignerFiles } from './signer-folder.js'
import { SignerUnfit } from './signer-unfit.js'
import { TombstoneStore } from './tombstone-store.js'

/** `text` is the unsigned checkpoint. */
export type SigningRequest = { oldSize: number; proof: readonly Hash[]; text: string }

export type SigningRefusal = SwapRefusal | 'origin-differs' | 'empty-tree'

/** A conflict names the size that was signed last; whoever asked is behind, or was rolled back. */
export type SigningAnswer = { note: string } | { conflict: number } | { refused: SigningRefusal }

export class Signer {
  readonly genesis: Genesis
  private readonly memory: TreeMemory<KnownTree>

  private constructor(
    private readonly folder: SignerFolder,
    private readonly key: LogKey,
    tree: KnownTree,
    /** Entry 0 as it was made: what block 0 must hold. */
    readonly genesisEntry: Uint8Array,
  ) {
    this.genesis = genesisOf(genesisEntry, key.vkey)
    const replace = (next: KnownTree) => folder.replaceState(next)
    this.memory = new TreeMemory({ read: () => folder.readState(), replace }, tree)
  }

  /** Throws SignerUnfit when the folder is not whole: a lost memory is never made anew. */
  static async open(path: string): Promise<Signer> {
    const folder = new SignerFolder(path)
    await folder.sync()
    const files = await folder.read()
    const tree = parseState(files.state)
    const key = parseLogKey(requireFile(files, 'key'))
    const entry = new TextEncoder().encode(requireFile(files, 'genesis'))
    if (!isFromBeforeTombstones(files.state)) await TombstoneStore.open(path)
    return new Signer(folder, key, tree, entry)
  }

  get vkey(): string {
    return this.key.vkey
  }

  /** The largest tree that was ever signed. */
  get signed(): KnownTree {
    return this.memory.known
  }

  /** One swap after another. The same size and root give the same note, byte for byte. */
  async sign({ oldSize, proof, text }: SigningRequest): Promise<SigningAnswer> {
    const { origin, size, root } = parseCheckpoint(text)
    if (origin !== this.genesis.origin) return { refused: 'origin-differs' }
    if (size === 0) return { refused: 'empty-tree' }
    const outcome = await this.memory.swap({ oldSize, size, root, proof }, grown)
    return 'remembered' in outcome ? { note: await signNote(text, this.key.signer) } : outcome
  }

  /**
   * The tombstones as the disk has them now; for the holder of the lease alone, since one process may add to them.
   *
   * A folder from before there were any gets an empty store here, and its memory then says that there is one.
   */
  openTombstones(): Promise<TombstoneStore> {
    return this.memory.inTurn(async (remember) => {
      if (isFromBeforeTombstones((await this.folder.read()).state)) await this.beginTombstones(remember)
      return TombstoneStore.open(this.folder.path)
    })
  }

  // If we crash after the first, the next start finds a memory of version 1 and an empty store, and goes on.
  private async beginTombstones(remember: (tree: KnownTree) => Promise<void>): Promise<void> {
    await TombstoneStore.create(this.folder.path)
    await remember(await this.folder.readState())
  }
}

const grown = (known: KnownTree, accepted: KnownTree) => (accepted.size > known.size ? accepted : known)

function requireFile(files: SignerFiles, name: 'key' | 'genesis'): string {
  const text = files[name]
  if (text === null)
    throw new SignerUnfit(`${name}-missing`, `the signer's ${name} is missing; run careseal ledger init`)
  return text
}

/** The genesis of an entry. Throws SignerUnfit unless it is one and names this key. */
export function genesisOf(entry: Uint8Array, vkey: string): Genesis {
  const genesis = parseGenesis(entry)
  if (!genesis?.logKeys.includes(vkey)) {
    throw new SignerUnfit('genesis-broken', 'the genesis cannot be read, or does not name the key of the log')
  }
  return genesis
}

function parseGenesis(bytes: Uint8Array): Genesis | null {
  try {
    const entry = parseEntry(bytes)
    return 'genesis' in entry ? entry.genesis : null
  } catch {
    return null
  }
}
