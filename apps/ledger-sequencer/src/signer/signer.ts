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
  type PlacedAdmin,
} from '@careseal/ledger-core'
import { KeyRing } from './key-ring.js'
import { parseLogKey } from './log-key.js'
import type { LogSigner, RetreatAnswer, SignerFacts, SigningAnswer, SigningRequest } from './log-signer.js'
import { judgeRetreat, readLastRetreat, writeRetreat } from './retreat.js'
import { isFromBeforeTombstones, parseState, SignerFolder, type SignerFiles } from './signer-folder.js'
import { SignerUnfit } from './signer-unfit.js'
import { TombstoneStore } from './tombstone-store.js'

export class Signer implements LogSigner {
  readonly genesis: Genesis
  /** False while the file may be newer than what the disk keeps: then it is written again before anything is signed. */
  private durable = true
  private turn: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly folder: SignerFolder,
    private readonly ring: KeyRing,
    private tree: KnownTree,
    /** Entry 0 as it was made: what block 0 must hold. */
    readonly genesisEntry: Uint8Array,
  ) {
    this.genesis = genesisOf(genesisEntry, this.vkey)
  }

  /** Throws SignerUnfit when the folder is not whole: a lost memory is never made anew. */
  static async open(path: string): Promise<Signer> {
    const folder = new SignerFolder(path)
    await folder.sync()
    const files = await folder.read()
    const tree = parseState(files.state)
    const ring = new KeyRing(path, parseLogKey(requireFile(files, 'key')))
    const entry = new TextEncoder().encode(requireFile(files, 'genesis'))
    if (!isFromBeforeTombstones(files.state)) await TombstoneStore.open(path)
    await ring.load()
    return new Signer(folder, ring, tree, entry)
  }

  /** The key that the genesis names. */
  get vkey(): string {
    return this.ring.vkeys[0] as string
  }

  read(): Promise<SignerFacts> {
    return this.inTurn(async () => {
      this.tree = await this.folder.readState()
      await this.ring.load()
      const retreat = await readLastRetreat(this.folder.path)
      return { genesisEntry: this.genesisEntry, signed: this.tree, vkeys: this.ring.vkeys, retreat }
    })
  }

  /** One swap after another. The same size and root give the same note, byte for byte. */
  sign(request: SigningRequest): Promise<SigningAnswer> {
    return this.inTurn(() => this.swap(request))
  }

  prepareKey(known: readonly string[]): Promise<string> {
    return this.inTurn(() => this.ring.prepare(known))
  }

  retreat(entry: PlacedAdmin): Promise<RetreatAnswer> {
    return this.inTurn(async () => {
      const judged = await judgeRetreat(this.genesis, await this.folder.readState(), entry)
      if ('refused' in judged) return judged
      await writeRetreat(this.folder.path, entry)
      await this.remember(judged.to)
      return { retreated: judged.to }
    })
  }

  /**
   * The tombstones as the disk has them now; for the holder of the lease alone, since one process may add to them.
   *
   * A folder from before there were any gets an empty store here, and its memory then says that there is one.
   */
  openTombstones(): Promise<TombstoneStore> {
    return this.inTurn(async () => {
      if (isFromBeforeTombstones((await this.folder.read()).state)) await this.beginTombstones()
      return TombstoneStore.open(this.folder.path)
    })
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => {})
    return done
  }

  // If we crash after the first, the next start finds a memory of version 1 and an empty store, and goes on.
  private async beginTombstones(): Promise<void> {
    await TombstoneStore.create(this.folder.path)
    await this.remember(await this.folder.readState())
  }

  private async swap({ oldSize, proof, text, vkeys }: SigningRequest): Promise<SigningAnswer> {
    const { origin, size, root } = parseCheckpoint(text)
    if (origin !== this.genesis.origin) return { refused: 'origin-differs' }
    if (size === 0) return { refused: 'empty-tree' }
    const signers = await this.ring.signersOf(vkeys)
    if (signers === null || signers.length === 0) return { refused: 'key-not-held' }
    // Another process may have signed meanwhile; the file is the truth, memory is not.
    this.tree = await this.folder.readState()
    const answer = judgeSwap(sha256, this.tree, { oldSize, size, root, proof })
    if (!('accepted' in answer)) return answer
    if (size > this.tree.size || !this.durable) await this.remember(answer.accepted)
    return { note: await signNote(text, ...signers) }
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

/** The genesis that an entry is, or null. */
export function parseGenesis(bytes: Uint8Array): Genesis | null {
  try {
    const entry = parseEntry(bytes)
    return 'genesis' in entry ? entry.genesis : null
  } catch {
    return null
  }
}
