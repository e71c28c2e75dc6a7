// Counters and gauges in Prometheus' text format.

type Kind = 'counter' | 'gauge'
type Labels = Readonly<Record<string, string>>
type Sample = { labels: Labels; value: number }

/** Every metric of a witness, with what it tells. */
const METRICS = {
  witness_answers_total: ['counter', 'Answers to add-checkpoint by status and code.'],
  witness_refused_checkpoints_total: [
    'counter',
    'Checkpoints that a log signed and that were refused, but for a mere wrong old size. Each is an alarm.',
  ],
  witness_store_failures_total: ['counter', 'Checkpoints not co-signed for the memory could not be made durable.'],
  witness_evidence: ['gauge', 'Pieces of evidence of forks. Any is an alarm.'],
  witness_cosigned_size: ['gauge', 'Tree size of the largest checkpoint that was co-signed.'],
  witness_cosigned_time_seconds: ['gauge', 'When it was co-signed, in seconds since 1970; 0 before the first.'],
  witness_mirrored_size: ['gauge', 'Tree size up to which the log is mirrored.'],
  witness_mirror_failures_total: ['counter', 'Pulls of the mirror that failed.'],
  witness_requests_limited_total: ['counter', 'Requests beyond the rate of one client.'],
} as const satisfies Record<string, readonly [Kind, string]>

export type MetricName = keyof typeof METRICS

export class Metrics {
  private readonly samples = new Map<MetricName, Map<string, Sample>>()

  add(name: MetricName, labels: Labels = {}): void {
    const sample = this.sample(name, labels)
    sample.value += 1
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    this.sample(name, labels).value = value
  }

  render(): string {
    return Object.entries(METRICS)
      .map(
        ([name, [kind, help]]) => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${this.lines(name as MetricName)}`,
      )
      .join('')
  }

  private lines(name: MetricName): string {
    const samples = [...(this.samples.get(name)?.values() ?? [])]
    return samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${value}\n`).join('')
  }

  private sample(name: MetricName, labels: Labels): Sample {
    const family = this.samples.get(name) ?? new Map<string, Sample>()
    this.samples.set(name, family)
    const key = labelsText(labels)
    const sample = family.get(key) ?? { labels, value: 0 }
    family.set(key, sample)
    return sample
  }
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
