// Before the first signature of an epoch: has anybody seen more of this log than the signer remembers? So many witnesses
// must have spoken that whatever was ever published was seen by one of them. Until then nothing is appended or signed.
import {
  formatCheckpoint,
  logKeysAt,
  meetsEveryQuorum,
  parseCheckpoint,
  type Genesis,
  type KnownTree,
} from '@careseal/ledger-core'
import { consistencyProof, type Sha256 } from '@careseal/merkle'
import { setTimeout as delay } from 'node:timers/promises'
import { governanceAt } from '../checkpointer/confirm-head.js'
import type { Sql } from '../database/connections.js'
import type { LedgerStatus } from '../ledger-status.js'
import { askToSign, type LogSigner } from '../signer/log-signer.js'
import { StoredTree } from '../tree/stored-tree.js'
import type { Cosigning, Objection } from './cosigning.js'
import type { CosigningRound } from './cosigning-round.js'
import { shownBy, type ShownOptions, type SignedText } from './contradiction.js'
import type { SignedCheckpoint } from './witness-client.js'

export type ConfirmOptions = {
  sql: Sql
  sha256: Sha256
  origin: string
  signer: Pick<LogSigner, 'sign'>
  /** What the signer remembers. */
  signed: KnownTree
  /** What was published when the signer was asked. */
  publishedSize: number
  genesis: Genesis
  /** Every key under which the log may ever have signed. */
  logVkeys: readonly string[]
  cosigning: Cosigning
  status: LedgerStatus
  signal: AbortSignal
  log: (facts: object, message: string) => void
}

const PAUSE_MS = 100
const PAUSE_MS_MAX = 2_000

/** `signed` may be more than before. `round` is its resubmission; null when there was none. */
export type Heard = { signed: KnownTree; round: CosigningRound | null }

/**
 * Resolves when enough witnesses have spoken, when the ledger is halted, or when `signal` aborts: to what the signer
 * remembers then. Rejects with SignerSilent.
 */
export async function confirmWithWitnesses(options: ConfirmOptions): Promise<Heard> {
  const confirmation = new Confirmation(options)
  await confirmation.run()
  return confirmation
}

class Confirmation {
  private spoken = new Set<string>()
  private told = ''
  signed: KnownTree
  round: CosigningRound | null = null

  constructor(private readonly options: ConfirmOptions) {
    this.signed = options.signed
  }

  async run(): Promise<void> {
    const { signal, status } = this.options
    for (let pauseMs = PAUSE_MS; !this.isEnough(); pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      const objections = this.signed.size === 0 ? await this.lookUp() : await this.resubmit()
      await this.consider(objections)
      if (status.halt || signal.aborted) return
      if (this.isEnough()) break
      this.tell(objections)
      await delay(pauseMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
    }
    status.waitFor([])
    // Where nobody has to be heard, what was signed and not published is still to be had from the signer.
    if (this.round === null && this.options.publishedSize < this.signed.size) await this.resubmit()
  }

  private isEnough(): boolean {
    return meetsEveryQuorum(this.options.cosigning.policy, this.spoken)
  }

  // The last signed checkpoint once more: the same bytes, so this is no new signature.
  private async resubmit(): Promise<Objection[]> {
    const { cosigning } = this.options
    const checkpoint = await this.lastSigned()
    const round = cosigning.begin(checkpoint)
    this.round = round
    await round.until((names) => meetsEveryQuorum(cosigning.policy, new Set([...this.spoken, ...names])))
    for (const name of round.witnesses) this.spoken.add(name)
    return cosigning.objections(round.outcomes, this.shownOptions())
  }

  // Nothing was signed yet, so there is nothing to submit: whoever has seen none of this log says so.
  private async lookUp(): Promise<Objection[]> {
    const { cosigning } = this.options
    const { origin } = this.options
    const found = cosigning.witnesses.map(async (client): Promise<Objection[]> => {
      const answer = await client.latest(origin)
      if ('failed' in answer) return []
      if (answer.note === null) this.spoken.add(client.name)
      if (answer.note === null) return []
      const shown = await shownBy(answer.note, this.shownOptions())
      return [{ witness: client.name, claim: 'it has seen this log', shown }]
    })
    return (await Promise.all(found)).flat()
  }

  private async consider(objections: readonly Objection[]): Promise<void> {
    const { status } = this.options
    for (const { witness, shown } of objections) {
      if (shown && 'lost' in shown)
        return status.haltFor('rollback-detected', `witness ${witness} shows: ${shown.lost}`)
      if (shown && 'held' in shown && shown.held.size > this.signed.size) await this.remind(shown.held)
    }
  }

  // The signer has forgotten what the database holds, as after both were restored and one was brought back from a
  // mirror. It signs that very checkpoint again; then all are asked about it.
  private async remind({ text, size }: SignedText): Promise<void> {
    const { signer, sql, sha256, status } = this.options
    const oldSize = this.signed.size
    const { rangeHash } = new StoredTree(sql, sha256, size)
    const proof = oldSize > 0 ? await consistencyProof(oldSize, size, rangeHash) : []
    const answer = await askToSign(signer, { oldSize, proof, text, vkeys: await this.vkeysAt(size) })
    if ('refused' in answer) status.haltFor('rollback-detected', `the signer refused size ${size} of a witness`)
    if ('note' in answer) this.signed = { size, root: parseCheckpoint(text).root }
    this.spoken = new Set()
    this.round = null
  }

  private async lastSigned(): Promise<SignedCheckpoint> {
    const { signer, sql, sha256, origin } = this.options
    const { size, root } = this.signed
    const text = formatCheckpoint({ origin, size, root })
    const answer = await askToSign(signer, { oldSize: size, proof: [], text, vkeys: await this.vkeysAt(size) })
    if (!('note' in answer)) throw new Error('the signer has signed meanwhile')
    const { rangeHash } = new StoredTree(sql, sha256, size)
    const proofFrom = (oldSize: number) => consistencyProof(oldSize, size, rangeHash)
    return { note: answer.note, text, size, root, proofFrom }
  }

  // A size that a witness shows may be beyond a rotation of which the signer's own last size knows nothing.
  private async vkeysAt(size: number): Promise<string[]> {
    const { sql, sha256, genesis } = this.options
    return logKeysAt((await governanceAt(sql, sha256, { genesis, size })).keys, size)
  }

  private tell(objections: readonly Objection[]): void {
    const { status, log, cosigning } = this.options
    const silent = cosigning.witnesses.map(({ name }) => name).filter((name) => !this.spoken.has(name))
    status.waitFor(silent)
    const facts = { waitingFor: silent, objections: objections.map(({ witness, claim }) => `${witness}: ${claim}`) }
    if (JSON.stringify(facts) === this.told) return
    this.told = JSON.stringify(facts)
    log(facts, 'nothing is signed or appended until more witnesses have answered')
  }

  private shownOptions(): ShownOptions {
    const { sql, sha256, origin, logVkeys } = this.options
    return { sql, sha256, origin, logVkeys }
  }
}
