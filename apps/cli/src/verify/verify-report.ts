// What a verification found, for people and as JSON; what is wrong also sets exit code 3.
import type { Fault, LedgerVerdict, Policy, TrustedCheckpoint } from '@careseal/ledger-core'
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

type Aged = { checkpoint: TrustedCheckpoint; policy: Policy | null }

/** Whether the quorum's cosignatures are older than the limit, or there are none of now; then it is told. */
export function tellTooOld(context: Context, { checkpoint, policy }: Aged, maxAge: number): boolean {
  const ageSeconds = ageOf(checkpoint, policy)
  if (ageSeconds !== null && ageSeconds <= maxAge) return false
  const what =
    ageSeconds === null
      ? 'no quorum that you trust has co-signed the checkpoint at a time that can be'
      : `the quorum's cosignatures are ${ageSeconds} s old, and ${maxAge} s are allowed`
  tellNot(context, `${what}: the ledger may be cut off from its witnesses, or hide what it has since`, {
    fault: { code: 'checkpoint-too-old', ageSeconds, maxAgeSeconds: maxAge },
  })
  return true
}

export function tellVerified(
  { terminal }: Context,
  { state, checkpoint, leaves }: Extract<LedgerVerdict, { ok: true }>,
  { since, last, policy }: { since: Since; last: Visit | null; policy: Policy | null },
): void {
  const { treeSize, height } = state
  const { size, cosignatures } = checkpoint!
  const ageSeconds = ageOf(checkpoint!, policy)
  const cosigned =
    cosignatures.length === 0
      ? 'no cosignature counted: give a policy that names witnesses'
      : `${cosignatures.length} cosignatures, ${ageText(ageSeconds)}`
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

function ageText(ageSeconds: number | null): string {
  return ageSeconds === null ? 'some of them from the future' : `a quorum of them at most ${ageSeconds} s old`
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
