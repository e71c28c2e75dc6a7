// `careseal ledger recover`: puts the ledger back from a mirror into an empty schema. Every entry is verified before its
// block is written, and the database's own guards see each block as if it were new.
import { sha256 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import {
  verifyCheckpoint,
  verifyLedger,
  type Genesis,
  type KnownTree,
  type Policy,
  type TrustedCheckpoint,
} from '@careseal/ledger-core'
import { appendBlock } from '../appender/append-block.js'
import { confirmHead } from '../checkpointer/confirm-head.js'
import { signedSizeIn, type LogIdentity } from '../cosigning/contradiction.js'
import { WitnessClient } from '../cosigning/witness-client.js'
import { addressesOf } from '../cosigning/witness-policy.js'
import { readingPool } from '../database/connections.js'
import { loadHead } from '../database/head.js'
import { loadPublished } from '../reading/published.js'
import type { LogSigner } from '../signer/log-signer.js'
import { parseGenesis } from '../signer/signer.js'
import { BlockBuilder } from './block-builder.js'
import { openMirror, type Mirror } from './mirror.js'
import { RecoveryLease } from './recovery-lease.js'

export type RecoverOptions = {
  /** Base URL of a mirror, or the folder of an export. */
  from: string
  signer: Pick<LogSigner, 'read'>
  /** As the service's role, after the migrations; its ledger has no block. */
  databaseUrl: string
  policy: Policy
  deadlineMs: number
  onProgress: (entries: number, total: number) => void
}

export type WitnessSaid = { witness: string; size: number | null }

export type RecoveryReport = {
  origin: string
  treeSize: number
  height: number
  /** Signed by this log; more than `treeSize` when the mirror lacks some of it. */
  signedSize: number
  witnesses: WitnessSaid[]
  /** What keeps the ledger from starting, or null. */
  contradiction: string | null
}

export type RecoveryRefusal = 'not-empty' | 'mirror-not-believed' | 'mirror-behind-witness' | 'mirror-wrong'

/** Nothing is lost by it: the mirror is as it was, and the schema can be made anew. */
export class RecoveryRefused extends Error {
  override readonly name = 'RecoveryRefused'
  constructor(
    readonly code: RecoveryRefusal,
    message: string,
  ) {
    super(message)
  }
}

type Log = LogIdentity & { genesis: Genesis; signed: KnownTree }

export async function recoverLedger(options: RecoverOptions): Promise<RecoveryReport> {
  const log = await logOf(options.signer)
  const mirror = openMirror(options.from)
  const note = await mirror.checkpoint()
  const checkpoint = await believed(note, log)
  const witnesses = await askWitnesses(options, log)
  refuseToLoseWitnessed(checkpoint.size, witnesses)
  const pool = readingPool(options.databaseUrl, { name: 'recovery', max: 2 })
  try {
    if ((await loadHead(pool)).height >= 0) throw notEmpty()
    await load(options, { mirror, note, log, size: checkpoint.size })
    const { treeSize, height } = await loadHead(pool)
    const { size: publishedSize } = await loadPublished(pool)
    const confirmation = await confirmHead(pool, sha256, { ...log, publishedSize })
    const contradiction = 'rolledBack' in confirmation ? confirmation.rolledBack : null
    return { origin: log.origin, treeSize, height, signedSize: log.signed.size, witnesses, contradiction }
  } finally {
    await pool.end()
  }
}

async function logOf(signer: Pick<LogSigner, 'read'>): Promise<Log> {
  const { genesisEntry, signed, vkeys } = await signer.read()
  const genesis = parseGenesis(genesisEntry)
  if (genesis === null) throw new Error("the signer's genesis cannot be read: restore its folder")
  const logVkeys = [...new Set([...genesis.logKeys, ...vkeys])]
  return { sha256, origin: genesis.origin, logVkeys, genesis, signed }
}

async function believed(note: string, { logVkeys }: Log): Promise<TrustedCheckpoint> {
  try {
    return await verifyCheckpoint(note, { logVkeys }, { sha256, verifyEd25519 })
  } catch {
    const mend = 'name a mirror of this very log'
    throw new RecoveryRefused('mirror-not-believed', `the log's key did not sign the mirror's checkpoint: ${mend}`)
  }
}

async function askWitnesses({ policy, deadlineMs }: RecoverOptions, log: Log): Promise<WitnessSaid[]> {
  return Promise.all(
    addressesOf(policy).map(async (address) => {
      const answer = await new WitnessClient(address, deadlineMs).latest(log.origin)
      if (!('note' in answer)) return { witness: address.name, size: null }
      return { witness: address.name, size: answer.note === null ? 0 : await signedSizeIn(answer.note, log) }
    }),
  )
}

function refuseToLoseWitnessed(size: number, witnesses: readonly WitnessSaid[]): void {
  const ahead = witnesses.find((one) => (one.size ?? 0) > size)
  if (!ahead) return
  const told = `witness ${ahead.witness} has co-signed size ${ahead.size}, the mirror holds ${size}`
  throw new RecoveryRefused('mirror-behind-witness', `${told}: take a mirror that holds what was witnessed`)
}

function notEmpty(): RecoveryRefused {
  const mend = 'rename its schema, provision and migrate an empty one'
  return new RecoveryRefused('not-empty', `the database holds a ledger: ${mend}`)
}

type Given = { mirror: Mirror; note: string; log: Log; size: number }

async function load(options: RecoverOptions, { mirror, note, log, size }: Given): Promise<void> {
  const lease = await RecoveryLease.open(options.databaseUrl)
  const builder = new BlockBuilder()
  try {
    const verdict = await verifyLedger(
      { entries: written(), checkpoint: note },
      { sha256, verifyEd25519, trust: { logVkeys: log.logVkeys } },
    )
    if (verdict.ok) return
    const { code, height, index } = verdict.fault
    throw new RecoveryRefused('mirror-wrong', `the mirror is wrong in block ${height} at entry ${index}: ${code}`)
  } finally {
    await lease.close()
  }

  // The verifier asks for the next entry once it has verified the one before: then that may be written.
  async function* written(): AsyncGenerator<Uint8Array> {
    for await (const bytes of mirror.entries(size)) {
      yield bytes
      await lease.renew()
      const block = builder.take(bytes)
      if (!block) continue
      await lease.raise(block.epoch)
      await appendBlock(lease.writer, block)
      options.onProgress(block.treeSize, size)
    }
  }
}
