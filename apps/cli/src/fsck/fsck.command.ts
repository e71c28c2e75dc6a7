import type { Command } from 'commander'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { EXIT } from '../exit.js'
import { startProgress } from '../terminal/progress.js'
import type { FsckReport } from './report.js'
import { describeViolation, runFsck } from './run-fsck.js'

const HELP = `
It reads the databases of the ledger on this machine and the root keys beside them. verify needs neither and
trusts nobody; fsck sees what verify cannot: that records open, and that every event is on the ledger.

Examples:
  careseal fsck
  careseal fsck --json | jq '.checks[].violations[]'`

export function addFsckCommand(program: Command): void {
  program
    .command('fsck')
    .description('re-derive all stored data of this machine’s ledger; exit 3 names the event or record version')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command.optsWithGlobals<GlobalOptions>())
      const state = context.runningState()
      const bar = startProgress(context.terminal, 'checked', 0)
      const progress = ({ check, done, total }: { check: string; done: number; total: number }) =>
        bar.update(done, total, check)
      const report = await runFsck({ dataDir: context.dataDir(), state, progress }).finally(() => bar.stop())
      tell(context, report)
    })
}

function tell({ terminal }: Context, report: FsckReport): void {
  const { green, red, dim } = terminal.colors
  const lines = report.checks.map(({ name, invariants, checked, violations }) => {
    const mark = violations.length === 0 ? green('✓') : red('✗')
    const head = `${mark} ${name} ${dim(`(${checked} checked; ${invariants.join(', ')})`)}`
    const shown = violations.slice(0, 10).map((violation) => `    ${describeViolation(violation)}`)
    const more = violations.length > 10 ? [`    and ${violations.length - 10} more`] : []
    return [head, ...shown, ...more].join('\n')
  })
  const count = report.checks.reduce((sum, check) => sum + check.violations.length, 0)
  terminal.data([...lines, report.clean ? green('clean') : red(`${count} violations`)].join('\n'), report)
  if (!report.clean) process.exitCode = EXIT.verification
}
