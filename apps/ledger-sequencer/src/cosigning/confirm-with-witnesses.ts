// Before the first signature of an epoch: has anybody seen more of this log than the signer remembers? So many witnesses
// must have spoken that whatever was ever published was seen by one of them. Until then nothing is appended or signed.
import { formatCheckpoint, meetsEveryQuorum } from '@careseal/ledger-core'
import { consistencyProof, type Sha256 } from '@careseal/merkle'
import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../database/connections.js'
import type { LedgerStatus } from '../ledger-status.js'
import type { Signer } from '../signer/signer.js'
import { StoredTree } from '../tree/stored-tree.js'
import type { Cosigning, Objection } from './cosigning.js'
import { logKeysOf, shownBy, type ShownOptions, type SignedText } from './contradiction.js'
import type { SignedCheckpoint } from './witness-client.js'

export type ConfirmOptions = {
  sql: Sql
  sha256: Sha256
  signer: Signer
  cosigning: Cosigning
  status: LedgerStatus
  signal: AbortSignal
  log: (facts: object, message: string) => void
}

const PAUSE_MS = 100
const PAUSE_MS_MAX = 2_000

/** Resolves when enough witnesses have spoken, when the ledger is halted, or when `signal` aborts. */
export async function confirmWithWitnesses(options: ConfirmOptions): Promise<void> {
  await new Confirmation(options).run()
}

class Confirmation {
  private spoken = new Set<string>()
  private told = ''

  constructor(private readonly options: ConfirmOptions) {}

  async run(): Promise<void> {
    const { signal, status } = this.options
    for (let pauseMs = PAUSE_MS; !this.isEnough(); pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      const objections = this.options.signer.signed.size === 0 ? await this.lookUp() : await this.resubmit()
      await this.consider(objections)
      if (status.halt || signal.aborted) return
      if (this.isEnough()) break
      this.tell(objections)
      await delay(pauseMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
    }
    status.waitFor([])
  }

  private isEnough(): boolean {
    return meetsEveryQuorum(this.options.cosigning.policy, this.spoken)
  }

  // The last signed checkpoint once more: the same bytes, so this is no new signature.
  private async resubmit(): Promise<Objection[]> {
    const { cosigning } = this.options
    const checkpoint = await this.lastSigned()
    const round = cosigning.begin(checkpoint)
    await round.until((names) => meetsEveryQuorum(cosigning.policy, new Set([...this.spoken, ...names])))
    for (const name of round.witnesses) this.spoken.add(name)
    return cosigning.objections(round.outcomes, this.shownOptions())
  }

  // Nothing was signed yet, so there is nothing to submit: whoever has seen none of this log says so.
  private async lookUp(): Promise<Objection[]> {
    const { cosigning } = this.options
    const origin = this.shownOptions().origin
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
    const { status, signer } = this.options
    for (const { witness, shown } of objections) {
      if (shown && 'lost' in shown)
        return status.haltFor('rollback-detected', `witness ${witness} shows: ${shown.lost}`)
      if (shown && 'held' in shown && shown.held.size > signer.signed.size) await this.remind(shown.held)
    }
  }

  // The signer has forgotten what the database holds, as after both were restored and one was brought back from a
  // mirror. It signs that very checkpoint again; then all are asked about it.
  private async remind({ text, size }: SignedText): Promise<void> {
    const { signer, sql, sha256, status } = this.options
    const oldSize = signer.signed.size
    const { rangeHash } = new StoredTree(sql, sha256, size)
    const proof = oldSize > 0 ? await consistencyProof(oldSize, size, rangeHash) : []
    const answer = await signer.sign({ oldSize, proof, text })
    if ('refused' in answer) status.haltFor('rollback-detected', `the signer refused size ${size} of a witness`)
    this.spoken = new Set()
  }

  private async lastSigned(): Promise<SignedCheckpoint> {
    const { signer, sql, sha256 } = this.options
    const { size, root } = signer.signed
    const text = formatCheckpoint({ origin: signer.genesis.origin, size, root })
    const answer = await signer.sign({ oldSize: size, proof: [], text })
    if (!('note' in answer)) throw new Error('the signer has signed meanwhile')
    const { rangeHash } = new StoredTree(sql, sha256, size)
    const proofFrom = (oldSize: number) => consistencyProof(oldSize, size, rangeHash)
    return { note: answer.note, text, size, root, proofFrom }
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
    const { sql, sha256, signer } = this.options
    return { sql, sha256, origin: signer.genesis.origin, logVkeys: logKeysOf(signer) }
  }
}
