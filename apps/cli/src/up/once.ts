// `up --once`: import, wait until all is sealed, verify from outside, re-derive from inside, tell, stop.
import type { LedgerVerdict } from '@careseal/ledger-core'
import { untilSealed, type CaresealStack } from '@careseal/stack'
import type { Context } from '../context.js'
import { EXIT } from '../exit.js'
import type { FsckReport } from '../fsck/report.js'
import { describeViolation, runFsck } from '../fsck/run-fsck.js'
import { countRows, importFigures, reportImport, summaryJson } from '../import/report.js'
import type { ImportSummary } from '../import/importer.js'
import { trustOf } from '../verify/trust-options.js'
import { describeFault, verifyOnline } from '../verify/verify-ledger.js'
import { listenForSignals } from './interruption.js'
import { startLedger } from './start-ledger.js'
import type { StepTask } from './steps.js'
import type { UpOptions } from './up.command.js'

const SEALING_DEADLINE_MS = 60_000

type Findings = { sealed: number; verdict: LedgerVerdict | null; fsck: FsckReport | null; sealingSeconds: number }

export async function runOnce(context: Context, options: UpOptions): Promise<void> {
  const findings: Findings = { sealed: 0, verdict: null, fsck: null, sealingSeconds: 0 }
  const { imported, stop } = await startLedger(context, options, {
    interruption: listenForSignals(),
    more: (stack) => checks(stack, findings),
  })
  await stop()
  report(context, imported, findings)
}

function checks(stack: () => CaresealStack, findings: Findings): StepTask[] {
  return [
    {
      title: 'Wait until everything is sealed',
      run: async (detail) => {
        const startedAt = performance.now()
        findings.sealed = await untilSealed({
          databaseUrl: stack().state().postgres,
          deadlineMs: SEALING_DEADLINE_MS,
          onProgress: (sealed, total) => detail(`${sealed} of ${total} events`),
        })
        findings.sealingSeconds = (performance.now() - startedAt) / 1000
      },
    },
    {
      title: 'Verify the ledger from outside',
      run: async (detail) => {
        const onProgress = (done: number, total: number) => detail(`${done} of ${total} entries`)
        const { policyFile } = stack().state()
        const trust = policyFile === null ? null : trustOf({ policy: policyFile })
        findings.verdict = await verifyOnline({ origin: stack().origin, trust, onProgress })
      },
    },
    {
      title: 'Re-derive events and records from inside',
      run: async (detail) => {
        const progress = ({ check, done }: { check: string; done: number }) => detail(`${check}: ${done}`)
        findings.fsck = await runFsck({ dataDir: stack().dataDir, state: stack().state(), progress })
      },
    },
  ]
}

function report({ terminal }: Context, imported: ImportSummary | null, findings: Findings): void {
  const faults = faultsOf(findings)
  if (imported) reportImport(terminal, imported)
  const summary = imported ? [...countRows(imported), '', importFigures(imported)] : []
  terminal.data([...summary, ...findingLines(findings), ...faults].join('\n'), {
    import: imported ? summaryJson(imported) : null,
    sealed: findings.sealed,
    ...verdictJson(findings.verdict),
    faults,
  })
  if (faults.length > 0) process.exitCode = EXIT.verification
  else if (imported?.refusals.length) process.exitCode = EXIT.failure
}

function faultsOf({ verdict, fsck }: Findings): string[] {
  const outside = verdict && !verdict.ok ? [`verify: ${describeFault(verdict.fault)}`] : []
  const inside = (fsck?.checks ?? []).flatMap((check) => check.violations)
  return [...outside, ...inside.map((violation) => `fsck: ${describeViolation(violation)}`)]
}

function findingLines({ sealed, sealingSeconds, verdict, fsck }: Findings): string[] {
  const lines = [`${sealed} events sealed (${sealingSeconds.toFixed(1)} s after the import)`]
  if (verdict?.ok) lines.push(`verified: ${verdict.state.treeSize} entries in ${verdict.state.height + 1} blocks`)
  if (fsck?.clean) lines.push(`fsck: clean (${fsck.checks.length} checks)`)
  return lines
}

function verdictJson(verdict: LedgerVerdict | null) {
  if (!verdict?.ok) return { verified: false, entries: null, blocks: null }
  return { verified: true, entries: verdict.state.treeSize, blocks: verdict.state.height + 1 }
}
