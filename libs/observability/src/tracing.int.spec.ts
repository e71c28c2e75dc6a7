// Spans really leave for a collector, with parents and links, and a traceparent survives the way through a message.
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { currentTraceparent, inSpan, startTracing } from './tracing.js'

type Span = { name: string; traceId: string; parentSpanId?: string; links?: { traceId: string }[]; status?: object }

describe('tracing', () => {
  it('without a collector does nothing and costs no traceparent', async () => {
    const tracing = await startTracing({ service: 'try' })
    expect(await inSpan('work', {}, async () => currentTraceparent())).toBeUndefined()
    await tracing.stop()
  })

  it('sends spans that belong together, and a replay as a link', async () => {
    const spans: Span[] = []
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const sent = JSON.parse(Buffer.concat(chunks).toString()) as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
        }
        spans.push(...sent.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      })
    }).listen(0, '127.0.0.1')
    await once(collector, 'listening')
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`

    const tracing = await startTracing({ service: 'try', endpoint })
    const traceparent = await inSpan('publish', {}, async () => currentTraceparent())
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    await inSpan('consume', { traceparent }, async () => {})
    await inSpan('replay', { traceparent, link: true }, async () => {})
    await expect(inSpan('fail', {}, () => Promise.reject(new RangeError('canary')))).rejects.toThrow('canary')
    await tracing.stop()
    collector.close()

    const named = (name: string) => spans.find((span) => span.name === name)!
    const { traceId } = named('publish')
    expect(named('consume')).toMatchObject({ traceId, parentSpanId: traceparent!.split('-')[2] })
    expect(named('replay').traceId).not.toBe(traceId)
    expect(named('replay').links).toMatchObject([{ traceId }])
    expect(named('fail').status).toMatchObject({ message: 'RangeError' })
    expect(JSON.stringify(spans)).not.toContain('canary')
  })
})
