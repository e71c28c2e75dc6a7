import { expect, it } from 'vitest'
import { Metrics } from './metrics.js'

it('metrics are told in Prometheus’ text format, with what they mean', () => {
  const metrics = new Metrics()
  metrics.add('witness_answers_total', { status: '200', code: 'co-signed' })
  metrics.add('witness_answers_total', { status: '200', code: 'co-signed' })
  metrics.set('witness_cosigned_size', 7, { origin: 'a "quoted" \\ name\n' })
  const text = metrics.render()
  expect(text).toContain(
    '# TYPE witness_answers_total counter\nwitness_answers_total{status="200",code="co-signed"} 2\n',
  )
  expect(text).toContain('witness_cosigned_size{origin="a \\"quoted\\" \\\\ name\\n"} 7\n')
  expect(text.split('\n').filter((line) => line.startsWith('# HELP')).length).toBeGreaterThan(5)
})
