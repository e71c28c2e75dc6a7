import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../src/http.js'

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
