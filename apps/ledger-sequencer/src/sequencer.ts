// The writing side in one reading: lease → signer confirms → witnesses confirm → re-read → read events → seal →
// checkpoint → co-sign.
import { latestOf } from '@careseal/contracts'
import { sha256 } from '@careseal/crypto'
import { equalHashes } from '@careseal/merkle'
import { AdminDesk, type AdminOutcome } from './admission/admin-desk.js'
import type { Admission } from './admission/admission-rules.js'
import { recordRetreat } from './admission/record-retreat.js'
import { nowSeconds, sealBlocks, type SealedBlock } from './appender/appender.js'
import { BlockPlanner } from './appender/block-planner.js'
import { LeafQueue } from './appender/leaf-queue.js'
import { CheckpointLoop } from './checkpointer/checkpoint-loop.js'
import { Checkpointer, type CheckpointerOptions } from './checkpointer/checkpointer.js'
import { confirmHead } from './checkpointer/confirm-head.js'
import { confirmWithWitnesses, type Heard } from './cosigning/confirm-with-witnesses.js'
import { Cosigning } from './cosigning/cosigning.js'
import { logKeysAt, type Genesis, type Governance, type PlacedAdmin } from '@careseal/ledger-core'
import type { SealedChain } from './checkpointer/sealed-chain.js'
import { loadCursors, loadFrozen, loadHead, packHashes, positionOf, recordFrozen } from './database/head.js'
import { Fatal } from './fatal.js'
import { Lease } from './lease/lease.js'
import { loadPublished } from './reading/published.js'
import type { SealingReader, SequencerOptions } from './sequencer-options.js'
import { requireKeys, type LogSigner, type SignerFacts } from './signer/log-signer.js'
import { patiently } from './signer/patiently.js'
import { parseGenesis } from './signer/signer.js'
import { loadEntries } from './tree/block-rows.js'

// How long before the last block's time an event that is in no block yet may have been published, clocks of two machines
// included. What is older still is fetched from its producer.
const UNSEALED_SECONDS = 60
// Entries that may be committed and not re-read: about a second of them, which Postgres still has in its memory.
const UNREAD_MAX = 131_072

type CheckpointerParts = Pick<CheckpointerOptions, 'signer' | 'chain' | 'cosigning' | 'signedSize' | 'standing'>

type Asked = Pick<CheckpointerParts, 'signer' | 'cosigning'> & {
  facts: SignerFacts
  genesis: Genesis
  publishedSize: number
}

type Sealing = { genesis: Genesis; governance: Governance; signer: LogSigner }

export class Sequencer {
  private readonly stopping = new AbortController()
  private readonly queue: LeafQueue
  private lease: Lease | undefined
  private reader: SealingReader | undefined
  private desk: AdminDesk | undefined
  private checkpoints: CheckpointLoop | undefined
  private starting: Promise<void> = Promise.resolve()
  private sealing: Promise<void> = Promise.resolve()

  constructor(private readonly options: SequencerOptions) {
    const { batchMax, lingerMs, status } = options
    this.queue = new LeafQueue({ batchMax, lingerMs })
    status.onHalt((halt) => this.halt(halt.code, halt.detail))
  }

  /**
   * Waits for the lease, then for the signer's word, then reads and seals. Resolves when it does, or is halted.
   *
   * Rejects with SignerUnfit, Fatal or whatever the database says: then the process ends.
   */
  start(): Promise<void> {
    this.starting = this.run()
    return this.starting
  }

  private async run(): Promise<void> {
    const { databaseUrl: url, leaseMs: durationMs, onFatal, status, pool, onEpoch } = this.options
    const signer = await this.options.openSigner()
    const first = await this.patiently(() => signer.read())
    // Who waits for the lease answers readers all the while.
    if ((await loadHead(pool)).treeSize >= first.signed.size) status.foundWhole(first.signed.size)
    this.lease = await Lease.acquire({ url, durationMs, onLost: onFatal, signal: this.stopping.signal })
    onEpoch(this.lease.epoch)
    const { size: publishedSize, note: standing } = await loadPublished(pool)
    // Asked again: a standby may have waited for long, and the signer has signed for another meanwhile.
    const facts = await this.patiently(() => signer.read())
    const genesis = this.genesisOf(facts)
    const confirmation = await confirmHead(pool, sha256, { signed: facts.signed, genesis, publishedSize })
    if ('rolledBack' in confirmation) return status.haltFor('rollback-detected', confirmation.rolledBack)
    const { chain } = confirmation
    status.foundWhole(facts.signed.size)
    const cosigning = new Cosigning(this.options.cosigning)
    const { signed, round } = await this.hearWitnesses({ signer, facts, genesis, cosigning, publishedSize })
    if (status.halt || this.stopping.signal.aborted) return
    const checkpointer = this.checkpointer({ signer, chain, cosigning, signedSize: signed.size, standing })
    if (round && publishedSize < signed.size) await checkpointer.publishSigned(round)
    await this.verifyUnsigned(checkpointer, chain, signer)
    if (status.halt || this.stopping.signal.aborted) return
    await this.requireSameHead(chain, facts)
    if (status.halt || this.stopping.signal.aborted) return
    const planner = await this.planner(chain)
    const governance = await this.recordRetreat(planner, chain, facts)
    if (governance === null) return
    const tombstones = await this.patiently(() => signer.openTombstones())
    const memory = { tombstones, producers: Object.keys(genesis.producers) }
    status.confirm()
    this.options.onConfirmed({ height: chain.height, treeSize: chain.size }, memory)
    await this.startSealing(chain, planner, { genesis, governance, signer })
    this.startCheckpoints(checkpointer)
  }

  // Blocks that were committed but not signed are verified before anything is built on them. Their checkpoint comes after
  // the start, for witnesses take their time; but a ledger that is ready has one, and a signer that can sign the next.
  private async verifyUnsigned(checkpointer: Checkpointer, chain: SealedChain, signer: LogSigner): Promise<void> {
    const isNew = (await loadPublished(this.options.pool)).size === 0
    await (isNew ? this.patiently(() => checkpointer.round()) : checkpointer.reread())
    if (this.options.status.halt) return
    await this.patiently(() => requireKeys(signer, logKeysAt(chain.governance?.keys ?? [], chain.size)))
  }

  private patiently<T>(ask: () => Promise<T>): Promise<T> {
    const { status, log } = this.options
    const onSilence = (error: Error) => log.warn({ err: error }, 'waiting for the signer')
    return patiently({ status, signal: this.stopping.signal, onSilence }, ask)
  }

  /** Stops reading, finishes the block and its checkpoint, gives the lease back. */
  async stop(): Promise<void> {
    this.stopping.abort()
    // Whoever called start hears of its failure.
    await this.starting.catch(() => {})
    await this.reader?.stop()
    this.queue.close()
    await this.sealing
    await this.checkpoints?.stop()
    await this.lease?.release()
  }

  /** Since when the first event waits for its block, in milliseconds since 1970; undefined when none does. */
  get unsealedSince(): number | undefined {
    return this.queue.waitingSince
  }

  /** Appends an administration entry where its operators approved it. Null until this process seals. */
  async submit(request: PlacedAdmin): Promise<AdminOutcome | null> {
    return this.desk && !this.options.status.halt ? this.desk.submit(request) : null
  }

  private genesisOf({ genesisEntry }: SignerFacts): Genesis {
    const genesis = parseGenesis(genesisEntry)
    const { origin } = this.options
    if (genesis?.origin === origin) return genesis
    throw new Error(`LEDGER_ORIGIN is ${origin}, but the ledger of this signer is ${genesis?.origin ?? 'unreadable'}`)
  }

  private hearWitnesses({ facts, genesis, ...asked }: Asked): Promise<Heard> {
    const { pool: sql, origin, status, log } = this.options
    const logVkeys = [...new Set([...genesis.logKeys, ...facts.vkeys])]
    const parts = { ...asked, sql, sha256, origin, status, signal: this.stopping.signal, log: log.warn }
    return this.patiently(() => confirmWithWitnesses({ ...parts, signed: facts.signed, genesis, logVkeys }))
  }

  private checkpointer(parts: CheckpointerParts): Checkpointer {
    const { pool: sql, origin, status, onPublished, log } = this.options
    const onSigned = (size: number) => {
      status.signed(size)
      this.options.onSigned(size)
    }
    return new Checkpointer({ sql, sha256, origin, ...parts, status, onSigned, onPublished, onTrouble: log.warn })
  }

  // The head row and block 0 are compared with what was verified, for the next block is built on them.
  private async requireSameHead(chain: SealedChain, { genesisEntry }: SignerFacts): Promise<void> {
    const head = await loadHead(this.options.pool)
    if (head.height < 0) throw new Error('the ledger has no block: run careseal ledger init')
    const { head: verified } = chain.edge()
    const same =
      head.height === verified.height &&
      Buffer.from(head.headerHash).toString('hex') === verified.headerHash &&
      equalHashes(head.root, chain.root()) &&
      equalHashes(head.compactRange, packHashes(verified.hashes))
    if (!same) return this.options.status.haltFor('ledger-corrupt', 'the head is not that of the last block')
    const [first] = await loadEntries(this.options.pool, 0, 1)
    if (first && equalHashes(first, genesisEntry)) return
    this.options.status.haltFor('ledger-corrupt', "block 0 is not the genesis of the signer's ledger")
  }

  private startCheckpoints(checkpointer: Checkpointer): void {
    const { checkpointIntervalMs: intervalMs, checkpointIdleMs: idleMs, log, status } = this.options
    this.checkpoints = new CheckpointLoop({
      intervalMs,
      idleMs,
      round: async () => status.halt !== null || checkpointer.round(),
      onTrouble: (error) => log.warn({ err: error }, 'no checkpoint this time'),
    })
    this.checkpoints.start()
  }

  private async recordRetreat(planner: BlockPlanner, chain: SealedChain, { retreat }: SignerFacts) {
    const { pool: sql, status, log } = this.options
    const { writer } = this.lease as Lease
    const governance = chain.governance as Governance
    const after = await recordRetreat({ retreat, governance, planner, writer, sql, time: nowSeconds() })
    if (after === null) {
      status.haltFor('rollback-detected', 'the signer went back, and the ledger cannot tell of it: repeat the retreat')
    } else if (after !== governance) log.warn({ retreat: retreat?.admin.data }, 'the signer went back')
    return after
  }

  private async startSealing(chain: SealedChain, planner: BlockPlanner, more: Sealing): Promise<void> {
    const { pool, openReader, log, status } = this.options
    const { genesis, governance, signer } = more
    const cursors = await loadCursors(pool)
    for (const { producer, reason } of await loadFrozen(pool)) status.freeze(producer, reason)
    this.desk = new AdminDesk({
      genesis,
      governance,
      planner,
      queue: this.queue,
      onAdmitted: (admission) => this.readAlso(admission),
      holdsKey: async (vkey) => (await signer.read()).vkeys.includes(vkey),
    })
    this.sealing = this.seal(planner, chain, this.desk)
    const names = cursors.map(({ producer }) => producer)
    const isOpen = (producer: string) => !status.frozen.has(producer) && latestOf(producer, names) === producer
    this.reader = openReader({
      origin: genesis.origin,
      producers: positionOf(cursors.filter(({ producer }) => isOpen(producer))),
      since: new Date((chain.time - UNSEALED_SECONDS) * 1000),
      deliver: (batch) => this.queue.offer(batch),
      onFrozen: (producer, reason) => void this.freeze(producer, reason),
    })
    this.reader.start()
    log.info({ height: chain.height, treeSize: chain.size, producers: cursors.length }, 'sealing')
  }

  private async planner(chain: SealedChain): Promise<BlockPlanner> {
    const { epoch } = this.lease as Lease
    const cursors = await loadCursors(this.options.pool)
    const known = cursors.map((c) => [c.producer, { seq: c.lastSeq, link: c.lastLink }] as const)
    return new BlockPlanner({ ...chain.edge(), cursors: new Map(known), epoch })
  }

  // What is in flight comes again and is dropped by the planner; whoever was followed is read no further.
  private readAlso({ name, follows, firstLink }: Admission): void {
    this.options.log.info({ producer: name, follows }, 'a producer was admitted')
    const { reader } = this
    if (!reader) return
    const { frozen } = this.options.status
    const goOn = Object.entries(reader.position()).filter(([one]) => one !== follows && !frozen.has(one))
    reader.reset({ ...Object.fromEntries(goOn), [name]: { seq: 0, link: firstLink } })
  }

  private async seal(planner: BlockPlanner, chain: SealedChain, desk: AdminDesk): Promise<void> {
    try {
      await sealBlocks({
        writer: (this.lease as Lease).writer,
        planner,
        desk,
        queue: this.queue,
        isAhead: () => this.isAhead(planner.treeSize - chain.size),
        now: nowSeconds,
        onSealed: (block) => this.sealed(block),
        onFailedBatch: (error, attempts) => this.options.log.warn({ err: error, attempts }, 'block not committed'),
      })
    } catch (error) {
      // Not again: what was planned counts on blocks that may not be there.
      this.queue.discard()
      this.options.onFatal(
        error instanceof Fatal ? error : new Fatal('append-refused', 'sealing failed', { cause: error }),
      )
    }
  }

  private isAhead(unread: number): boolean {
    if (unread <= UNREAD_MAX || this.stopping.signal.aborted || this.options.status.halt) return false
    this.checkpoints?.hurry()
    return true
  }

  private sealed(block: SealedBlock): void {
    this.options.onSealed(block)
    this.checkpoints?.wake()
  }

  private async freeze(producer: string, reason: string): Promise<void> {
    this.options.status.freeze(producer, reason)
    this.options.log.error({ producer, reason }, 'producer frozen: its own chain does not fit what was sealed')
    try {
      await recordFrozen(this.options.pool, producer, reason)
    } catch (error) {
      // It is frozen in this process all the same, and the next one finds the same mismatch.
      this.options.log.warn({ err: error, producer }, 'the freeze was not recorded')
    }
  }

  private halt(code: string, detail: string): void {
    this.options.log.error({ code, detail }, 'the ledger has stopped: nothing is appended and nothing signed')
    this.queue.discard()
    void this.reader?.stop()
  }
}
