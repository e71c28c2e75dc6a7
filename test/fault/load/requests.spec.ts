import { describe, expect, it } from 'vitest'
import { meaningOf, type Answer } from './requests.js'

const answer = (status: number, body: object = {}): Answer => ({
  status,
  headers: new Headers(),
  text: '',
  body: { ...body },
})

describe('what an answer says', () => {
  it.each([401, 408, 429, 502, 503, 504])('is nothing with %i, which any request may get', (status) => {
    expect(meaningOf(answer(status), [201])).toEqual({ outcome: 'unknown' })
  })

  it('is nothing when there is none', () => {
    expect(meaningOf(null, [201])).toEqual({ outcome: 'unknown' })
  })

  it('is yes or no with what the request may get', () => {
    expect(meaningOf(answer(201), [201, 412])).toEqual({ outcome: 'ok' })
    expect(meaningOf(answer(412), [201, 412])).toEqual({ outcome: 'refused' })
  })

  it('is nothing, and unexpected, with an error of the server’s own', () => {
    const told = meaningOf(answer(500, { code: 'internal-error' }), [201])
    expect(told).toEqual({ outcome: 'unknown', unexpected: '500 internal-error' })
  })

  it('is unexpected with any other yes or no, with the code that an OperationOutcome gives', () => {
    const issue = [{ code: 'invalid', diagnostics: 'It is not valid.' }]
    const told = meaningOf(answer(400, { resourceType: 'OperationOutcome', issue }), [201])
    expect(told).toEqual({ outcome: 'refused', unexpected: '400 invalid: It is not valid.' })
    expect(meaningOf(answer(200), [201])).toEqual({ outcome: 'ok', unexpected: '200' })
  })
})
