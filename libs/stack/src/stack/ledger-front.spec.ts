import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startLedgerFront, type LedgerFront } from './ledger-front.js'

type Side = { server: Server; port: number; asked: string[] }

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A sequencer as the front sees it: `confirmed` seals, `starting` is a standby. */
async function side(state: 'confirmed' | 'starting'): Promise<Side> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method, url = '' } = request
    if (url === '/ledger/status') return void response.end(JSON.stringify({ state }))
    asked.push(`${method} ${url}`)
    const isElsewhere = state === 'starting' && (method === 'POST' || url.startsWith('/ledger/producers'))
    response.writeHead(isElsewhere ? 503 : 200, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(
        isElsewhere ? { code: method === 'POST' ? 'not-sealing' : 'ledger-not-confirmed' } : { by: state },
      ),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port, asked }
}

async function frontOf(...sides: Side[]): Promise<LedgerFront> {
  const front = await startLedgerFront({ upstreams: sides.map(({ port }) => ({ host: '127.0.0.1', port })) })
  closers.push(() => front.stop())
  return front
}

const ask = async ({ host, port }: LedgerFront, path: string, method = 'GET') => {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method,
    ...(method === 'POST' ? { body: '{}' } : {}),
  })
  return { status: response.status, body: (await response.json()) as object }
}

describe('the address in front of two sequencers', () => {
  it('sends reads to both in turn, and all else to the one that seals', async () => {
    const [standby, active] = [await side('starting'), await side('confirmed')]
    const front = await frontOf(standby, active)
    await expect.poll(() => front.active()?.port, { timeout: 20_000 }).toBe(active.port)
    for (let i = 0; i < 4; i++) await ask(front, '/ledger/checkpoint')
    expect(standby.asked).toHaveLength(2)
    expect(active.asked).toHaveLength(2)
    expect(await ask(front, '/ledger/admin-entries', 'POST')).toEqual({ status: 200, body: { by: 'confirmed' } })
    expect(await ask(front, '/ledger/producers/records')).toEqual({ status: 200, body: { by: 'confirmed' } })
  })

  it('asks the other one where the first says that it does not seal, before it was asked who does', async () => {
    const [standby, active] = [await side('starting'), await side('confirmed')]
    const front = await frontOf(standby, active)
    expect(await ask(front, '/ledger/admin-entries', 'POST')).toMatchObject({ status: 200 })
    expect(await ask(front, '/ledger/producers')).toMatchObject({ status: 200 })
  })

  it('passes over whoever does not answer, and says so when nobody does', async () => {
    const [first, second] = [await side('confirmed'), await side('starting')]
    const front = await frontOf(first, second)
    first.server.closeAllConnections()
    first.server.close()
    for (let i = 0; i < 4; i++) expect(await ask(front, '/ledger/checkpoint')).toMatchObject({ status: 200 })
    second.server.closeAllConnections()
    second.server.close()
    expect(await ask(front, '/ledger/checkpoint')).toMatchObject({
      status: 503,
      body: { code: 'service-unreachable' },
    })
  })
})
