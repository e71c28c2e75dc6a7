// What fsck found, for people: a line for each check, then a line for each invariant.
import type { Terminal } from '../terminal/terminal.js'
import type { InvariantLine } from './invariants.js'
import { countOf, type CheckResult, type FsckReport } from './report.js'
import { describeViolation } from './run-fsck.js'

type Colors = Terminal['colors']

const MOST_SHOWN = 10

export function reportText(report: FsckReport, colors: Colors): string {
  const count = report.checks.reduce((sum, check) => sum + countOf(check), 0)
  return [
    ...report.checks.map((check) => checkText(check, colors)),
    '',
    'Invariants',
    ...report.invariants.map((line) => invariantText(line, colors)),
    '',
    report.clean ? colors.green('clean') : colors.red(`${count} violations`),
  ].join('\n')
}

function checkText(check: CheckResult, { green, red, dim }: Colors): string {
  const { name, invariants, checked, violations } = check
  const count = countOf(check)
  const head = `${count === 0 ? green('✓') : red('✗')} ${name} ${dim(`(${checked} checked; ${invariants.join(', ')})`)}`
  const shown = violations.slice(0, MOST_SHOWN).map((violation) => `    ${describeViolation(violation)}`)
  const more = count > shown.length ? [`    and ${count - shown.length} more`] : []
  return [head, ...shown, ...more].join('\n')
}

function invariantText(line: InvariantLine, { green, red, dim }: Colors): string {
  const { id, title, state, checked, violations, by, why } = line
  const place = why === '' ? '' : ` · ${why}`
  const seen = dim(`(${by.length} checks, ${checked} looked at${place})`)
  if (state === 'broken') return `${red('✗')} ${id.padEnd(3)} ${title}: ${violations} violations ${seen}`
  if (state === 'holds') return `${green('✓')} ${id.padEnd(3)} ${title} ${seen}`
  return `${dim('–')} ${id.padEnd(3)} ${title} ${dim(`(not looked at: ${why})`)}`
}
