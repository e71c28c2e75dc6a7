import type { Command } from 'commander'
import { verifyLedger, type LedgerVerdict, type Policy, type Trust } from '@careseal/ledger-core'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { startProgress } from '../terminal/progress.js'
import { stateFolder } from '../trust/own-folders.js'
import { pinnedTrust } from '../trust/pinned-policy.js'
import { durationSeconds, policyIn } from './freshness.js'
import { keepEvidence } from './kept-evidence.js'
import { readVisit, Revisit, visitFile, writeVisit, type Visit } from './last-visit.js'
import { exportedLedger, liveLedger, type ReadableLedger } from './ledger-source.js'
import { PRIMITIVES } from './primitives.js'
import { trustOf, type TrustOptions } from './trust-options.js'
import { tellFault, tellTooOld, tellVerified, tellVisitFault } from './verify-report.js'

type VerifyOptions = GlobalOptions & TrustOptions & { export?: string; maxAge?: number; memory?: string | false }
type Sound = Extract<LedgerVerdict, { ok: true }>

const HELP = `
Without --vkey, --policy or a pinned policy (careseal policy) the keys that the genesis names are believed: that proves
the ledger whole, not that it is the one that others see.

What was seen is remembered (origin, size, root, checkpoint): a ledger that has shrunk or has another history the next
time is told with exit 3, and both checkpoints are kept beside the memory as evidence. --no-memory does without.

Exit 3: something does not verify. Exit 4: the ledger cannot be reached.

Examples:
  careseal verify                                   the ledger on this machine
  careseal verify --origin https://ledger.example --policy policy.txt --max-age 10m
  careseal verify --export ./mirror --vkey log.vkey
  careseal verify --origin https://ledger.example --memory ./seen.json --json`

export function addVerifyCommand(program: Command, collect: (value: string, before: string[]) => string[]): void {
  program
    .command('verify')
    .description('check every entry, link, block, root and signature of a ledger; exit 3 names the first fault')
    .option('--origin <url>', 'the ledger to check, instead of the one on this machine')
    .option('--export <dir-or-url>', 'check an export (C2SP tiles) instead: a folder, offline, or a mirror at a URL')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .option('--max-age <time>', 'how old the cosignatures of a quorum may be: 90s, 10m, 2h, 1d', durationSeconds)
    .option('--memory <file>', 'where the last visit is remembered, instead of a file of your own for each log')
    .option('--no-memory', 'compare with no earlier visit, and remember none')
    .addHelpText('after', HELP)
    .action(runVerify)
}

async function runVerify(_options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<VerifyOptions>()
  const context = contextOf(options)
  if (options.export !== undefined && options.origin !== undefined) {
    throw new CliError(EXIT.usage, 'give --origin or --export, not both')
  }
  const given = trustOf(options)
  const ledger =
    options.export === undefined ? await liveLedger(context.origin()) : await exportedLedger(options.export)
  const trust = given ?? pinnedTrust(ledger.note)
  requireWitnesses(trust, options.maxAge)
  const file = memoryFile(context, options, ledger)
  const visit = new Revisit(file === null ? null : readVisitOf(file, ledger))
  const verdict = await verified(context, ledger, { trust, visit })
  if (!verdict.ok) return tellFault(context, verdict.fault)
  await judge(context, { verdict, visit, ledger, file, policy: policyIn(trust), maxAge: options.maxAge })
}

function verified(
  { terminal }: Context,
  { note, size, entries }: ReadableLedger,
  { trust, visit }: { trust: Trust | null; visit: Revisit },
): Promise<LedgerVerdict> {
  const progress = startProgress(terminal, 'entries verified', 0)
  const onBlock = (_header: unknown, tree: Parameters<Revisit['onBlock']>[0]) => {
    visit.onBlock(tree)
    progress.update(tree.size, size)
  }
  const options = { ...PRIMITIVES, ...(trust ? { trust } : {}), onBlock }
  return verifyLedger({ entries: entries(), checkpoint: note }, options).finally(() => progress.stop())
}

type Judged = {
  verdict: Sound
  visit: Revisit
  ledger: ReadableLedger
  file: string | null
  policy: Policy | null
  maxAge: number | undefined
}

async function judge(context: Context, judged: Judged): Promise<void> {
  const { verdict, visit, ledger, file, policy, maxAge } = judged
  const checkpoint = verdict.checkpoint!
  const since = visit.since(checkpoint.size, verdict.state.governance.retreats)
  if (since === 'shrank' || since === 'forked') {
    const kept = file === null ? null : await keep(file, { last: visit.last!, verdict, ledger })
    return tellVisitFault(context, { since, last: visit.last!, checkpoint, kept })
  }
  if (maxAge !== undefined && tellTooOld(context, { checkpoint, policy }, maxAge)) return
  if (file !== null) writeVisit(file, visitOf(verdict, ledger))
  tellVerified(context, verdict, { since, last: visit.last, policy })
}

function keep(file: string, { last, verdict, ledger }: { last: Visit; verdict: Sound; ledger: ReadableLedger }) {
  const keys = [...last.keys, ...verdict.state.governance.keys]
  const logVkeys = [...new Set(keys.filter(({ owner }) => owner === 'log').map(({ vkey }) => vkey))]
  const folder = `${file.replace(/\.json$/, '')}.evidence-${last.size}-${verdict.checkpoint!.size}`
  const notes = { earlier: last.note, now: ledger.note }
  return keepEvidence(folder, { notes, logVkeys, consistency: ledger.consistency })
}

function visitOf({ state, checkpoint }: Sound, { note }: ReadableLedger): Visit {
  const { origin, size, root } = checkpoint!
  const visitedAt = new Date().toISOString()
  const { keys } = state.governance
  return { v: 1, origin, size, root: Buffer.from(root).toString('hex'), note, visitedAt, keys }
}

// The ledger of this machine is remembered beside it; others where the verifier keeps what is its own.
function memoryFile(context: Context, { memory, origin, export: folder }: VerifyOptions, ledger: ReadableLedger) {
  if (memory === false) return null
  if (typeof memory === 'string') return memory
  const isOwn = origin === undefined && folder === undefined
  return visitFile(isOwn ? context.dataDirPath : stateFolder(), ledger.note.split('\n')[0] ?? '')
}

function readVisitOf(file: string, { note }: ReadableLedger): Visit | null {
  const visit = readVisit(file)
  if (visit === null || note.startsWith(`${visit.origin}\n`)) return visit
  throw new CliError(EXIT.usage, `${file} remembers another log (${visit.origin}): name another file with --memory`)
}

function requireWitnesses(trust: Trust | null, maxAge: number | undefined): void {
  const hasWitnesses = (policyIn(trust)?.witnesses.length ?? 0) > 0
  if (maxAge === undefined || hasWitnesses) return
  throw new CliError(EXIT.usage, '--max-age needs a policy that names witnesses: only they say what time it is')
}
