// The signer: a witness that holds the log's key. It remembers the largest tree it signed, durably and before it signs,
// and signs nothing that does not continue that tree. Its memory never comes from the ledger's database.
import { sha256 } from '@careseal/crypto'
import {
  judgeSwap,
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
  /** False while the file may be newer than what the disk keeps: then it is written again before anything is signed. */
  private durable = true
  private turn: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly folder: SignerFolder,
    private readonly key: LogKey,
    private tree: KnownTree,
    /** Entry 0 as it was made: what block 0 must hold. */
    readonly genesisEntry: Uint8Array,
  ) {
    this.genesis = genesisOf(genesisEntry, key.vkey)
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
    return this.tree
  }

  /** One swap after another. The same size and root give the same note, byte for byte. */
  sign(request: SigningRequest): Promise<SigningAnswer> {
    const answer = this.turn.then(() => this.swap(request))
    this.turn = answer.catch(() => {})
    return answer
  }

  /**
   * The tombstones as the disk has them now; for the holder of the lease alone, since one process may add to them.
   *
   * A folder from before there were any gets an empty store here, and its memory then says that there is one.
   */
  openTombstones(): Promise<TombstoneStore> {
    const opened = this.turn.then(async () => {
      if (isFromBeforeTombstones((await this.folder.read()).state)) await this.beginTombstones()
      return TombstoneStore.open(this.folder.path)
    })
    this.turn = opened.catch(() => {})
    return opened
  }

  // If we crash after the first, the next start finds a memory of version 1 and an empty store, and goes on.
  private async beginTombstones(): Promise<void> {
    await TombstoneStore.create(this.folder.path)
    await this.remember(await this.folder.readState())
  }

  private async swap({ oldSize, proof, text }: SigningRequest): Promise<SigningAnswer> {
    const { origin, size, root } = parseCheckpoint(text)
    if (origin !== this.genesis.origin) return { refused: 'origin-differs' }
    if (size === 0) return { refused: 'empty-tree' }
    // Another process may have signed meanwhile; the file is the truth, memory is not.
    this.tree = await this.folder.readState()
    const answer = judgeSwap(sha256, this.tree, { oldSize, size, root, proof })
    if (!('accepted' in answer)) return answer
    if (size > this.tree.size || !this.durable) await this.remember(answer.accepted)
    return { note: await signNote(text, this.key.signer) }
  }

  // If we crash after this, the tree counts as signed though nobody saw the signature: the next start signs it again.
  private async remember(tree: KnownTree): Promise<void> {
    this.durable = false
    await this.folder.replaceState(tree)
    this.durable = true
    this.tree = tree
  }
}

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
