import { describe, expect, it } from 'vitest'
import { createLogger, describeError } from './log.js'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = []
  write(createLogger({ service: 'try', destination: { write: (line) => void lines.push(line) } }))
  return JSON.parse(lines.join('')) as Record<string, unknown>
}

describe('a log line', () => {
  it('is JSON with time, level, service and message', () => {
    const line = logged((logger) => logger.info({ requestId: 'r1' }, 'request'))
    expect(line).toMatchObject({ level: 'info', service: 'try', msg: 'request', requestId: 'r1' })
    expect(Date.parse(line['time'] as string)).toBeGreaterThan(0)
  })

  it.each([
    { authorization: 'canary' },
    { headers: { authorization: 'canary', cookie: 'canary' } },
    { req: { headers: { authorization: 'canary' }, url: '/Patient/canary', query: { name: 'canary' } } },
    { body: { name: 'canary' } },
    { res: { headers: { 'set-cookie': 'canary' } } },
    { patientId: 'canary', subjectId: 'canary' },
    { event: { patientId: 'canary', private: 'canary' } },
    { client_assertion: 'canary', access_token: 'canary' },
  ])('hides what it may not hold: %j', (fields) => {
    const line = logged((logger) => logger.info(fields, 'x'))
    expect(JSON.stringify(line)).not.toContain('canary')
  })
})

describe('an error in the log', () => {
  it('keeps its name, code, message, frames and cause', () => {
    const error = Object.assign(new RangeError('too far', { cause: new Error('inner') }), { code: 'far' })
    const line = logged((logger) => logger.error({ err: error }, 'failed'))
    expect(line['err']).toMatchObject({
      type: 'RangeError',
      code: 'far',
      message: 'too far',
      cause: { message: 'inner' },
    })
    expect((line['err'] as { stack: string }).stack).toMatch(/^\s*at /)
  })

  it('of the database keeps code and constraint and none of its words', () => {
    const driver = Object.assign(new Error('Key (name)=(canary) already exists'), {
      severity: 'ERROR',
      routine: '_bt_check_unique',
      code: '23505',
      constraint: 'client_pkey',
      detail: 'canary',
    })
    expect(describeError(driver)).toMatchObject({ code: '23505', constraint: 'client_pkey' })
    const wrapped = Object.assign(new Error('canary'), { driverError: driver, query: 'canary', parameters: ['canary'] })
    const nested = new Error('outer', { cause: wrapped })
    expect(describeError(wrapped)).toMatchObject({ code: '23505', constraint: 'client_pkey' })
    expect(JSON.stringify([driver, wrapped, nested].map(describeError))).not.toContain('canary')
  })

  it('that is none is named by its type', () => {
    expect(describeError('canary')).toEqual({ type: 'string' })
  })
})
