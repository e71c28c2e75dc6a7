import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonOf, refusalOf, request } from '../src/http.js'

let server: Server
let origin: string
let asked = 0

beforeAll(async () => {
  server = createServer((_request, response) => {
    asked += 1
    if (asked > 1) return void response.end('whole')
    response.writeHead(200, { 'content-length': '5' })
    response.write('who', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

const answeredBadly = () => jsonOf('/fhir/Patient/1', 'canary')

describe('a request that may be repeated', () => {
  it('is repeated when an answer breaks off that had begun well', async () => {
    const response = await request(origin, { attempts: 3 })
    expect([response.status, await response.text(), asked]).toEqual([200, 'whole', 2])
  })

  it('ends with the reason of whoever gives it up', async () => {
    const signal = AbortSignal.abort(new Error('another failed'))
    await expect(request(origin, { attempts: 3, signal })).rejects.toThrow('another failed')
  })
})

describe('an answer that is no good', () => {
  it.each([429, 502, 503, 504])('is no verdict with %i, but a service that is away', (status) => {
    expect(refusalOf('/ledger/producers', status, '{"title":"away"}')).toMatchObject({
      exitCode: 4,
      message: `/ledger/producers: ${status} away`,
    })
  })

  it('is a failure with any other status', () => {
    for (const status of [400, 403, 404, 409, 500]) expect(refusalOf('x', status, '')).toMatchObject({ exitCode: 1 })
  })

  it('names its path where it is no JSON, and quotes nothing of it', () => {
    expect(answeredBadly).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringContaining('/fhir/Patient/1') }),
    )
    expect(answeredBadly).not.toThrow(/canary/)
  })
})
