import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { httpClient } from './http-client.js'

let server: Server
let answer: { status: number; type: string; body: object }
const call = () => httpClient({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })

beforeEach(async () => {
  server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': answer.type }).end(JSON.stringify(answer.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(() => void server.close())

it('a refusal of a FHIR route has the code of Careseal, not the one of FHIR', async () => {
  const details = { coding: [{ code: 'consent-denied' }] }
  const body = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'forbidden', details }] }
  answer = { status: 403, type: 'application/fhir+json', body }
  const failure = { name: 'HttpFailure', status: 403, code: 'consent-denied', problem: body }
  await expect(call()('GET /fhir/Consent/{id}', { path: { id: 'x' } })).rejects.toMatchObject(failure)
})

it('any other refusal has the code of its problem, or says that there is none', async () => {
  answer = { status: 429, type: 'application/problem+json', body: { title: 'slowly', code: 'rate-limited' } }
  await expect(call()('GET /auth/jwks', {})).rejects.toMatchObject({ status: 429, code: 'rate-limited' })
  answer = { status: 502, type: 'application/json', body: {} }
  await expect(call()('GET /auth/jwks', {})).rejects.toMatchObject({ status: 502, code: 'unknown' })
})
