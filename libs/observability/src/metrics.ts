// One registry per process. A metric is made once and found again by its name, so libraries need not pass it around.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export type { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type MetricOptions = { name: string; help: string; labels?: readonly string[] }

/** The registry that the metrics port shows. */
export const metricsRegistry = new Registry()

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The counter of this name, made on first use. Labels hold codes and routes, never ids. */
export function counter({ name, help, labels = [] }: MetricOptions): Counter {
  return found<Counter>(name) ?? new Counter({ name, help, labelNames: labels, registers: [metricsRegistry] })
}

/** The gauge of this name, made on first use. `collect` runs at each scrape and sets the value. */
export function gauge({ name, help, labels = [] }: MetricOptions, collect?: (gauge: Gauge) => void): Gauge {
  const known = found<Gauge>(name)
  if (known) return known
  const made: Gauge = new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [metricsRegistry],
    ...(collect ? { collect: () => collect(made) } : {}),
  })
  return made
}

/** The histogram of this name (seconds unless `buckets` says otherwise), made on first use. */
export function histogram({ name, help, labels = [] }: MetricOptions, buckets: number[] = SECONDS): Histogram {
  return (
    found<Histogram>(name) ?? new Histogram({ name, help, labelNames: labels, buckets, registers: [metricsRegistry] })
  )
}

/** Rate, errors and duration of one kind of work, labelled by what was done and how it ended. */
export type RedMetrics = { observe(labels: { operation: string; outcome: string }, seconds: number): void }

/** RED metrics `careseal_<kind>_total` and `careseal_<kind>_seconds`, for consumers, commands and calls. */
export function redMetrics(kind: string, help: string): RedMetrics {
  const labels = ['operation', 'outcome'] as const
  const total = counter({ name: `careseal_${kind}_total`, help, labels })
  const seconds = histogram({ name: `careseal_${kind}_seconds`, help: `Duration: ${help}`, labels })
  return {
    observe: (values, duration) => {
      total.inc(values)
      seconds.observe(values, duration)
    },
  }
}

/** Adds Node's own metrics (memory, event loop, garbage collection) and names the service on all of them. */
export function collectProcessMetrics(service: string): void {
  metricsRegistry.setDefaultLabels({ service })
  if (!found('process_cpu_seconds_total')) collectDefaultMetrics({ register: metricsRegistry })
}

function found<M>(name: string): M | undefined {
  return metricsRegistry.getSingleMetric(name) as M | undefined
}
