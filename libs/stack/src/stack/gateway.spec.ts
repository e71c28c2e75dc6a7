import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGateway, type Gateway } from './gateway.js'
import { SERVICE_NAMES, type ServiceName, type ServicePorts } from './services.js'

let service: Server
let gateway: Gateway
let origin: string

beforeAll(async () => {
  // As a service does: it refuses a large body without reading it.
  service = createServer((request, response) => {
    if (Number(request.headers['content-length'] ?? 0) > 1024) request.socket.destroy()
    else response.end('served')
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const { port } = service.address() as AddressInfo
  const ports = Object.fromEntries(SERVICE_NAMES.map((name) => [name, { host: '127.0.0.1', port, metricsPort: 0 }]))
  gateway = await startGateway({ port: 0, ports: ports as Record<ServiceName, ServicePorts> })
  origin = `http://localhost:${gateway.port}`
})
afterAll(async () => {
  await gateway.stop()
  service.close()
})

it('answers a body that is too large itself, whatever the service does', async () => {
  const body = Buffer.alloc(2 << 20)
  const answer = await fetch(`${origin}/auth/members`, { method: 'POST', body })
  expect([answer.status, await answer.json()]).toMatchObject([413, { code: 'body-too-large' }])
  expect((await fetch(`${origin}/auth/jwks`)).status).toBe(200)
})

it.each([
  ['/ledger/..%2f..%2flivez', { method: 'GET' }, 400],
  ['/fhir/Patient/7e31e02d', { method: 'PURGE' }, 404],
  ['/fhir/Patient', { method: 'POST', headers: { 'content-type': 'garbage' }, body: '{}' }, 415],
])('refuses %s with %j as a problem that repeats nothing of the request', async (path, request, status) => {
  const answer = await fetch(origin + path, request)
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  const text = await answer.text()
  expect(JSON.parse(text)).toMatchObject({ status })
  expect(text).not.toContain('7e31e02d')
})
