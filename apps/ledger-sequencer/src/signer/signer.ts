// The signer: a witness that holds the log's key. It remembers the largest tree it signed, durably and before it signs,
// and signs nothing that does not continue that tree. Its memory never comes from the ledger's database.
import { TreeMemory } from '@careseal/cosigner'
import {
  parseCheckpoint,
  parseEntry,
  signNote,
  type Genesis,
  type KnownTree,
  type PlacedAdmin,
} from '@careseal/ledger-core'
import { turnsIn, type FolderTurn } from './folder-turn.js'
import { KeyRing } from './key-ring.js'
import { parseLogKey } from './log-key.js'
import type { LogSigner, RetreatAnswer, SignerFacts, SigningAnswer, SigningRequest } from './log-signer.js'
import { judgeRetreat, readLastRetreat, writeRetreat } from './retreat.js'
import { isFromBeforeTombstones, parseState, SignerFolder, type SignerFiles } from './signer-folder.js'
import { SignerUnfit } from './signer-unfit.js'
import { TombstoneStore } from './tombstone-store.js'

export class Signer implements LogSigner {
  readonly genesis: Genesis
  private readonly memory: TreeMemory<KnownTree>

  private readonly folder: SignerFolder
  private readonly ring: KeyRing
  private readonly inFolder: FolderTurn
  /** Entry 0 as it was made: what block 0 must hold. */
  readonly genesisEntry: Uint8Array

  private constructor({ folder, ring, tree, genesisEntry, inFolder }: Opened) {
    this.folder = folder
    this.ring = ring
    this.inFolder = inFolder
    this.genesisEntry = genesisEntry
    this.genesis = genesisOf(genesisEntry, this.vkey)
    const replace = (next: KnownTree) => folder.replaceState(next)
    this.memory = new TreeMemory({ read: () => folder.readState(), replace }, tree)
  }

  /** Throws SignerUnfit when the folder is not whole: a lost memory is never made anew. */
  static async open(path: string, inFolder: FolderTurn = turnsIn(path)): Promise<Signer> {
    const folder = new SignerFolder(path)
    await folder.sync()
    const files = await folder.read()
    const tree = parseState(files.state)
    const ring = new KeyRing(path, parseLogKey(requireFile(files, 'key')))
    const entry = new TextEncoder().encode(requireFile(files, 'genesis'))
    if (!isFromBeforeTombstones(files.state)) await TombstoneStore.open(path)
    await ring.load()
    return new Signer({ folder, ring, tree, genesisEntry: entry, inFolder })
  }

  /** The key that the genesis names. */
  get vkey(): string {
    return this.ring.vkeys[0] as string
  }

  read(): Promise<SignerFacts> {
    return this.memory.inTurn(async () => {
      await this.ring.load()
      const [signed, retreat] = [await this.folder.readState(), await readLastRetreat(this.folder.path)]
      return { genesisEntry: this.genesisEntry, signed, vkeys: this.ring.vkeys, retreat }
    })
  }

  /** One swap after another. The same size, root and keys give the same note, byte for byte. */
  async sign({ oldSize, proof, text, vkeys }: SigningRequest): Promise<SigningAnswer> {
    const { origin, size, root } = parseCheckpoint(text)
    if (origin !== this.genesis.origin) return { refused: 'origin-differs' }
    if (size === 0) return { refused: 'empty-tree' }
    const signers = await this.ring.signersOf(vkeys)
    if (signers === null || signers.length === 0) return { refused: 'key-not-held' }
    const outcome = await this.inFolder(() => this.memory.swap({ oldSize, size, root, proof }, grown))
    return 'remembered' in outcome ? { note: await signNote(text, ...signers) } : outcome
  }

  prepareKey(known: readonly string[]): Promise<string> {
    return this.memory.inTurn(() => this.ring.prepare(known))
  }

  retreat(entry: PlacedAdmin): Promise<RetreatAnswer> {
    return this.alone(async (remember) => {
      const judged = await judgeRetreat(this.genesis, await this.folder.readState(), entry)
      if ('refused' in judged) return judged
      await writeRetreat(this.folder.path, entry)
      await remember(judged.to)
      return { retreated: judged.to }
    })
  }

  /**
   * The tombstones as the disk has them now; for the holder of the lease alone, since one process may add to them.
   *
   * A folder from before there were any gets an empty store here, and its memory then says that there is one.
   */
  openTombstones(): Promise<TombstoneStore> {
    return this.alone(async (remember) => {
      if (isFromBeforeTombstones((await this.folder.read()).state)) await this.beginTombstones(remember)
      return TombstoneStore.open(this.folder.path, this.inFolder)
    })
  }

  private alone<R>(work: (remember: (tree: KnownTree) => Promise<void>) => Promise<R>): Promise<R> {
    return this.inFolder(() => this.memory.inTurn(work))
  }

  // If we crash after the first, the next start finds a memory of version 1 and an empty store, and goes on.
  private async beginTombstones(remember: (tree: KnownTree) => Promise<void>): Promise<void> {
    await TombstoneStore.create(this.folder.path)
    await remember(await this.folder.readState())
  }
}

type Opened = {
  folder: SignerFolder
  ring: KeyRing
  tree: KnownTree
  genesisEntry: Uint8Array
  inFolder: FolderTurn
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

/** The genesis that an entry is, or null. */
export function parseGenesis(bytes: Uint8Array): Genesis | null {
  try {
    const entry = parseEntry(bytes)
    return 'genesis' in entry ? entry.genesis : null
  } catch {
    return null
  }
}
