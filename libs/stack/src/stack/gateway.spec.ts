import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startGateway, type Gateway } from './gateway.js'
import { SERVICE_NAMES, type ServiceName, type ServicePorts } from './services.js'

let service: Server
let gateway: Gateway
let origin: string

beforeAll(async () => {
  // As a service does: it refuses a large body without reading it.
  service = createServer((request, response) => {
    if (Number(request.headers['content-length'] ?? 0) > 1024) request.socket.destroy()
    else if (request.url === '/ledger/feed') listen(response)
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

const listeners = new Set<ServerResponse>()
function listen(response: ServerResponse): void {
  listeners.add(response.on('close', () => listeners.delete(response)))
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
}

it('passes a stream of events on piece by piece, and hangs up when the client does', async () => {
  const leave = new AbortController()
  const answer = await fetch(`${origin}/ledger/feed`, { signal: leave.signal })
  const reader = answer.body!.getReader()
  const next = async () => Buffer.from((await reader.read()).value!).toString()
  expect(await next()).toBe('data: 1\n\n')
  for (const listener of listeners) listener.write('data: 2\n\n')
  expect(await next()).toBe('data: 2\n\n')
  leave.abort()
  await vi.waitUntil(() => listeners.size === 0, { timeout: 5_000 })
})

it('serves everybody else while more listen than it keeps connections for', async () => {
  const leave = new AbortController()
  const many = Array.from({ length: 150 }, () => fetch(`${origin}/ledger/feed`, { signal: leave.signal }))
  await vi.waitUntil(() => listeners.size >= 128, { timeout: 15_000 })
  expect(await (await fetch(`${origin}/ledger/checkpoint`)).text()).toBe('served')
  leave.abort()
  await Promise.allSettled(many)
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
