// Traces leave the process only when a collector is named; without one every call here is nearly free.
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api'

export type Tracing = { stop(): Promise<void> }

const off: Tracing = { stop: async () => {} }

/** Starts the OpenTelemetry SDK when `endpoint` (OTEL_EXPORTER_OTLP_ENDPOINT) is given; else does nothing. */
export async function startTracing({ service, endpoint }: { service: string; endpoint?: string }): Promise<Tracing> {
  if (!endpoint) return off
  // Loaded late: the SDK takes most of a second, which a process without a collector need not pay.
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`
  const sdk = new NodeSDK({ serviceName: service, traceExporter: new OTLPTraceExporter({ url }), instrumentations: [] })
  sdk.start()
  return { stop: () => sdk.shutdown() }
}

/** The `traceparent` of the work under way, for a message or call that it causes. */
export function currentTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent
}

/** The context that a `traceparent` of another process stands for. */
export function contextFrom(traceparent: string | undefined): Context {
  return traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT
}

export type SpanOptions = {
  traceparent?: string | undefined
  /** A replayed message links to the trace that first caused it instead of becoming part of it. */
  link?: boolean
  kind?: SpanKind
}

/** Runs `work` in a span of its own. `name` and attributes hold codes and routes, never ids of subjects. */
export function inSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  const caused = options.traceparent === undefined ? context.active() : contextFrom(options.traceparent)
  const remote = options.link ? trace.getSpanContext(caused) : undefined
  const parent = options.link ? context.active() : caused
  const links = remote ? [{ context: remote }] : []
  const tracer = trace.getTracer('careseal')
  return tracer.startActiveSpan(name, { kind: options.kind ?? SpanKind.INTERNAL, links }, parent, async (span) => {
    try {
      return await work()
    } catch (error) {
      // The name alone: a message may quote what somebody sent.
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' })
      throw error
    } finally {
      span.end()
    }
  })
}
