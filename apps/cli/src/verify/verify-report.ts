// What a verification found, for people and as JSON; what is wrong also sets exit code 3.
import type { Fault, LedgerVerdict, TrustedCheckpoint } from '@careseal/ledger-core'
import type { Context } from '../context.js'
import { EXIT } from '../exit.js'
import { ageOf } from './freshness.js'
import type { Since, Visit } from './last-visit.js'
import { describeFault } from './verify-ledger.js'

export function tellFault(context: Context, fault: Fault): void {
  tellNot(context, describeFault(fault), { fault })
}

type VisitFault = {
  since: 'shrank' | 'forked'
  last: Visit
  checkpoint: TrustedCheckpoint
  /** What was kept; null when nothing is to be remembered. */
  kept: { files: string[]; proof: string | null } | null
}

export function tellVisitFault(context: Context, { since, last, checkpoint, kept }: VisitFault): void {
  const what =
    since === 'shrank'
      ? `the ledger has shrunk: ${checkpoint.size} entries, and ${last.size} on ${last.visitedAt}`
      : `the ledger has another history than on ${last.visitedAt}: its first ${last.size} entries are not those seen then`
  const evidence = kept ? `\nkept as evidence: ${kept.files.join(' ')}` : ''
  const proof = kept?.proof ? '\nthe last of them proves it to anybody: careseal evidence verify' : ''
  const { size, root, visitedAt } = last
  const fault = { code: `history-${since}`, earlier: { size, root, visitedAt }, now: { size: checkpoint.size } }
  tellNot(context, `${what}${evidence}${proof}`, { fault, evidence: kept })
}

/** Whether the newest cosignature is older than the limit, or there is none; then it is told. */
export function tellTooOld(context: Context, checkpoint: TrustedCheckpoint, maxAge: number): boolean {
  const ageSeconds = ageOf(checkpoint)
  if (ageSeconds !== null && ageSeconds <= maxAge) return false
  const what =
    ageSeconds === null
      ? 'no witness that you trust has co-signed the checkpoint'
      : `the newest cosignature is ${ageSeconds} s old, and ${maxAge} s are allowed`
  tellNot(context, `${what}: the ledger may be cut off from its witnesses, or hide what it has since`, {
    fault: { code: 'checkpoint-too-old', ageSeconds, maxAgeSeconds: maxAge },
  })
  return true
}

export function tellVerified(
  { terminal }: Context,
  { state, checkpoint, leaves }: Extract<LedgerVerdict, { ok: true }>,
  { since, last }: { since: Since; last: Visit | null },
): void {
  const { treeSize, height } = state
  const { size, cosignatures } = checkpoint!
  const ageSeconds = ageOf(checkpoint!)
  const cosigned =
    ageSeconds === null
      ? 'no cosignature counted: give a policy that names witnesses'
      : `${cosignatures.length} cosignatures, the newest ${ageSeconds} s old`
  const summary = `${treeSize} entries in ${height + 1} blocks, ${leaves} events; checkpoint ${size} signed`
  terminal.data(`${terminal.colors.green('verified')}: ${summary}, ${cosigned}${sinceText(since, last)}`, {
    ok: true,
    entries: treeSize,
    blocks: height + 1,
    events: leaves,
    checkpoint: size,
    cosignatures: cosignatures.length,
    ageSeconds,
    since,
    lastVisit: last && { size: last.size, visitedAt: last.visitedAt },
  })
}

function sinceText(since: Since, last: Visit | null): string {
  if (last === null) return ''
  const seen = `the ${last.size} entries seen on ${last.visitedAt}`
  return since === 'retreated'
    ? `; the signer gave up ${seen}, and an entry says so`
    : `; it holds ${seen} and ${since === 'unchanged' ? 'nothing' : 'more'} since`
}

function tellNot({ terminal }: Context, text: string, told: object): void {
  terminal.data(`${terminal.colors.red('NOT verified')}: ${text}`, { ok: false, ...told })
  process.exitCode = EXIT.verification
}
