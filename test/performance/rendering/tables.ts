// Results as Markdown: a summary against the targets, then what each benchmark found.
import type { SelfTime } from '../measuring/profile.js'
import type { Comparison, Measure, Result } from '../result.js'

export function tablesOf(results: readonly Result[]): string {
  return [summaryOf(results), ...results.map(sectionOf)].join('\n\n')
}

function summaryOf(results: readonly Result[]): string {
  const rows = results.flatMap((result) =>
    result.measures.map((measure) => [
      `[${result.name}](performance/${result.name}.json)`,
      measure.name,
      withUnit(measure),
      targetOf(measure),
      isMet(measure),
      bestRatio(result.comparisons.filter((one) => one.measure === measure.name)),
    ]),
  )
  return tableOf(['benchmark', 'measure', 'measured', 'target', 'met', 'of the bare COPY'], rows)
}

function bestRatio(comparisons: readonly Comparison[]): string {
  const copy = comparisons.find(({ name }) => name.startsWith('COPY'))
  return copy?.ratio === undefined || copy.ratio === null ? '' : String(copy.ratio)
}

function sectionOf(result: Result): string {
  const parts = [
    `### ${result.name}: ${result.title}`,
    provenanceOf(result),
    `![${result.title}](performance/${result.name}.svg)`,
    latenciesOf(result),
    comparisonsOf(result),
    processesOf(result),
    profileOf(result),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function provenanceOf(result: Result): string {
  const { machine, commit, parameters } = result
  const state = result.provisional ? '**Provisional**: others were at work on the machine. ' : ''
  const code = commit.hasLocalChanges ? `${commit.id} with local changes` : commit.id
  const given = Object.entries(parameters).map(([name, value]) => `${name} ${value}`)
  return [
    `${state}${result.date.slice(0, 16).replace('T', ' ')} UTC, commit ${code}, ${machine.cores} cores`,
    `(${machine.processor}), ${machine.memoryGiB} GiB, Node ${machine.node.slice(1)}, load average at start`,
    `${machine.loadAverage}, busy with others ${machine.busyPercent ?? 'unknown'} %; ${given.join(', ')}.`,
  ].join(' ')
}

function latenciesOf({ latencies = {} }: Result): string {
  const rows = Object.entries(latencies).map(([name, all]) => [
    name,
    ...[all.count, all.p50, all.p90, all.p95, all.p99, all.max].map(String),
  ])
  return rows.length === 0 ? '' : tableOf(['latency, ms', 'count', 'p50', 'p90', 'p95', 'p99', 'max'], rows)
}

function comparisonsOf({ comparisons }: Result): string {
  const rows = comparisons.map((one) => [one.name, `${grouped(one.value)} ${one.unit}`, one.measure, String(one.ratio)])
  return rows.length === 0 ? '' : tableOf(['bare, in the same run', 'rate', 'measure', 'measure ÷ bare'], rows)
}

function processesOf({ processes }: Result): string {
  const rows = processes.map((one) => [one.name, String(one.cpuSeconds), String(one.peakMemoryMiB)])
  return rows.length === 0 ? '' : tableOf(['process', 'CPU seconds', 'peak memory, MiB'], rows)
}

function profileOf({ profile = [] }: Result): string {
  const rows = profile
    .filter(({ busyPercent }) => busyPercent >= 5)
    .map(({ name, busyPercent, top, packages }) => [name, `${busyPercent} %`, selfTimesOf(packages), selfTimesOf(top)])
  return rows.length === 0 ? '' : tableOf(['process', 'busy', 'self time by package', 'by function'], rows)
}

function selfTimesOf(times: readonly SelfTime[]): string {
  const most = times.slice(0, 6).map(({ code, percent }) => `${code.replace(/ .*\//, ' ')} ${percent} %`)
  return most.join(', ')
}

function isMet({ value, target, atMost }: Measure): string {
  if (target === undefined) return ''
  return (atMost ? value <= target : value >= target) ? 'yes' : 'no'
}

function targetOf(measure: Measure): string {
  if (measure.target === undefined) return ''
  return `${measure.atMost ? '≤' : '≥'} ${grouped(measure.target)} ${measure.unit}`
}

function withUnit({ value, unit }: Measure): string {
  return `${grouped(value)} ${unit}`.trim()
}

function tableOf(head: readonly string[], rows: readonly string[][]): string {
  return [rowOf(head), rowOf(head.map(() => '---')), ...rows.map(rowOf)].join('\n')
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 })
}
