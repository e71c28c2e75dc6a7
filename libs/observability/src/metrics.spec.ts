import { describe, expect, it } from 'vitest'
import { counter, gauge, metricsRegistry, redMetrics, serveMetrics } from './index.js'

describe('metrics', () => {
  it('are made once and found again by name', () => {
    const options = { name: 'try_total', help: 'tries', labels: ['kind'] }
    expect(counter(options)).toBe(counter(options))
  })

  it('collect a gauge at each scrape', async () => {
    let value = 1
    gauge({ name: 'try_gauge', help: 'a gauge' }, (metric) => metric.set(value))
    expect(await metricsRegistry.metrics()).toContain('try_gauge 1')
    value = 2
    expect(await metricsRegistry.metrics()).toContain('try_gauge 2')
  })

  it('count and time work by what it was and how it ended', async () => {
    const metrics = redMetrics('try_work', 'work tried')
    metrics.observe({ operation: 'a', outcome: 'ok' }, 0.003)
    metrics.observe({ operation: 'a', outcome: 'failed' }, 2)
    const text = await metricsRegistry.metrics()
    expect(text).toContain('careseal_try_work_total{operation="a",outcome="ok"} 1')
    expect(text).toContain('careseal_try_work_seconds_bucket{le="0.005",operation="a",outcome="ok"} 1')
    expect(text).toContain('careseal_try_work_seconds_count{operation="a",outcome="failed"} 1')
  })

  it('are served at /metrics and nothing else is', async () => {
    const server = await serveMetrics({ host: '127.0.0.1', port: 0 })
    const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`)
    expect(answer.headers.get('content-type')).toContain('text/plain')
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404)
    await server.close()
  })
})
