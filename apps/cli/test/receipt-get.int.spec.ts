// `careseal receipt get` of a version that is not sealed yet, of a ledger that answers as the real one does.
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startCareseal } from './started-careseal.js'

let ledger: Server
let asked: (string | undefined)[]
let answer: { status: number; body: string } | null
beforeEach(async () => {
  asked = []
  answer = null
  ledger = createServer((request, response) => {
    asked.push(request.headers.authorization)
    if (answer) return void response.writeHead(answer.status).end(answer.body)
    response.writeHead(asked.length < 3 ? 409 : 200).end('{"v":1}')
  })
  await once(ledger.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => ledger.close())

it('a receipt that is waited for is waited for visibly, and a token of the environment counts visibly', async () => {
  const origin = `http://127.0.0.1:${(ledger.address() as AddressInfo).port}`
  const place = 'Observation/1/_history/1'
  const { ended } = startCareseal(['receipt', 'get', place, '--as', 'patient-1', '--origin', origin], {
    env: { CARESEAL_TOKEN: 'given' },
  })
  const { code, stdout, stderr } = await ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: '{"v":1}\n' })
  expect(asked).toEqual(Array(3).fill('Bearer given'))
  expect(stderr).toContain('the token in CARESEAL_TOKEN counts, not the login patient-1')
  expect(stderr.match(/not sealed yet: waiting, 30 s at most/g)).toHaveLength(1)
}, 120_000)

it.each([
  ['Observation/1/_history/1', 200, 'canary', { code: 1, line: '1/$receipt answered no JSON' }],
  ['Observation/1', 200, 'canary', { code: 1, line: '/fhir/Observation/1 answered no JSON' }],
  ['Observation/1', 200, 'null', { code: 1, line: 'Observation/1 was answered without a version' }],
  ['Observation/1', 503, '{"title":"away"}', { code: 4, line: '/fhir/Observation/1: 503 away' }],
  ['Observation/1/_history/1', 503, '{"title":"away"}', { code: 4, line: 'no receipt: 503 away' }],
  ['Observation/1/_history/1', 502, '', { code: 4, line: 'no receipt: 502' }],
])(
  '%s answered with %i %s ends with its own code and line',
  async (place, status, body, expected) => {
    answer = { status, body }
    const origin = `http://127.0.0.1:${(ledger.address() as AddressInfo).port}`
    const { ended } = startCareseal(['receipt', 'get', place, '--as', 'patient-1', '--wait', '0', '--origin', origin], {
      env: { CARESEAL_TOKEN: 'given' },
    })
    const { code, stdout, stderr } = await ended
    expect({ code, stdout }).toEqual({ code: expected.code, stdout: '' })
    expect(stderr).toContain(expected.line)
    expect(stderr).not.toContain('canary')
  },
  120_000,
)
