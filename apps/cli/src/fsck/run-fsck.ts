// fsck of the ledger on this machine: its database, its root keys, its signer's memory, its own log key.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { PRODUCERS } from '@careseal/contracts'
import { kmsKeyFile, type DataDir, type StackState } from '@careseal/stack'
import type { SignerState } from './checkpoint-pass.js'
import { fsck, type FsckInput } from './fsck.js'
import { countOf, type FsckReport, type Progress, type Violation } from './report.js'

/** A ledger of this machine, running or not, whose database can be reached. */
export type LocalLedger = { dataDir: DataDir; state: LocalState }

type LocalState = Pick<StackState, 'postgres' | 'ledgerOrigin'> & Partial<Pick<StackState, 'policyFile'>>

/** `policy` takes the place of the ledger's own. */
export type RunFsckOptions = LocalLedger & { policy?: string | undefined; progress: Progress }

const ATTEMPTS = 4
const PAUSE_MS = 2_000

/** Runs all checks; looks again when all it found is a backlog, for that may pass. */
export async function runFsck({ progress, policy, ...ledger }: RunFsckOptions): Promise<FsckReport> {
  const own = fsckInputOf(ledger)
  const input = { ...own, policy: policy ?? own.policy, progress }
  for (let attempt = 1; ; attempt++) {
    const report = await fsck(input)
    const broken = report.checks.filter((check) => countOf(check) > 0)
    if (attempt === ATTEMPTS || broken.length === 0 || !broken.every(({ passing }) => passing)) return report
    await delay(PAUSE_MS)
  }
}

/** Where all that fsck reads lies on this machine. */
export function fsckInputOf({ dataDir, state }: LocalLedger): FsckInput {
  return {
    databaseUrl: state.postgres,
    origin: state.ledgerOrigin,
    vkeys: [],
    schemas: PRODUCERS,
    kmsKeyFiles: Object.fromEntries(PRODUCERS.map((name) => [name, kmsKeyFile(dataDir, name)])),
    signerDir: dataDir.path('signer'),
    policy: typeof state.policyFile === 'string' ? readFileSync(state.policyFile, 'utf8') : undefined,
    signerState: () => signerStateOf(dataDir.path('signer', 'signer-state.json')),
  }
}

/** What the signer remembers; null where its file is lost or not whole. */
function signerStateOf(file: string): SignerState | null {
  try {
    const { v, size, root } = JSON.parse(readFileSync(file, 'utf8')) as { v: unknown; size: unknown; root: unknown }
    const isWhole = (v === 1 || v === 2) && Number.isSafeInteger(size) && /^[0-9a-f]{64}$/.test(String(root))
    return isWhole ? { size: size as number, root: root as string } : null
  } catch {
    return null
  }
}

/** `invariant where: what`, as one line. */
export function describeViolation({ invariant, what, where }: Violation): string {
  return `${invariant} ${where}: ${what}`
}
