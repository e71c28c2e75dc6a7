// The routes of deploy/ledger, in a real Caddy before two servers that answer as sequencers do: who is asked what, and
// how soon another one is when the lease moves.
import { freePort } from '@careseal/stack'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { StatusAnswer } from '../../apps/ledger-sequencer/src/reading/answers.js'
import { debianProgram } from './debian-program.js'
import { REPOSITORY } from './rendered.js'

/** As much of a sequencer as the front sees; `seals` is what its status says. */
type Side = { server: Server; port: number; seals: boolean; asked: string[]; forwardedFor: unknown }

const ROUTES = join(REPOSITORY, 'deploy', 'ledger', 'sequencers.caddy')
const CADDYFILE = join(REPOSITORY, 'deploy', 'k8s', 'base', 'ledger-front', 'Caddyfile')
const TAKE_OVER_MS = 2_000

const folder = mkdtempSync(join(tmpdir(), 'careseal-front-'))
let sides: [Side, Side]
let caddy: ChildProcess
let url: string

beforeAll(async () => {
  sides = [await startSide(), await startSide()]
  url = await startCaddy(sides.map(({ port }) => `127.0.0.1:${port}`).join(' '))
}, 180_000)

afterAll(async () => {
  caddy?.kill()
  if (caddy) await once(caddy, 'close')
  for (const { server } of sides ?? []) server.close().closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  sides[0].seals = true
  sides[1].seals = false
  await untilAsked(sides[0])
  for (const side of sides) side.asked = []
})

// What the sequencer's schema takes for its answer, as JSON.
function statusAs(state: 'confirmed' | 'starting'): string {
  const status = { state, treeSize: 1, height: 0, publishedSize: 1, frozenProducers: {} }
  return JSON.stringify(StatusAnswer.parse(status))
}

async function startSide(): Promise<Side> {
  const side = { seals: false, asked: [] as string[], forwardedFor: null as unknown }
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/ledger/status') return void response.end(statusAs(side.seals ? 'confirmed' : 'starting'))
    side.asked.push(`${request.method} ${path}`)
    side.forwardedFor = request.headers['x-forwarded-for']
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(side, { server, port: (server.address() as AddressInfo).port })
}

async function startCaddy(sequencers: string): Promise<string> {
  const port = await freePort()
  mkdirSync(join(folder, 'ledger'))
  cpSync(ROUTES, join(folder, 'ledger', 'sequencers.caddy'))
  writeFileSync(join(folder, 'Caddyfile'), readFileSync(CADDYFILE, 'utf8').replace(':8080 {', `:${port} {`))
  const args = ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
  const env = { SEQUENCERS: sequencers, HOME: folder }
  caddy = spawn(await debianProgram('caddy'), args, { env, stdio: 'ignore' })
  const address = `http://127.0.0.1:${port}`
  const deadline = performance.now() + 30_000
  while (performance.now() < deadline) {
    if ((await statusOf(`${address}/livez`)) === 200) return address
    await delay(50)
  }
  throw new Error('Caddy does not answer')
}

async function statusOf(address: string, method = 'GET'): Promise<number | null> {
  const answer = await fetch(address, { method, signal: AbortSignal.timeout(10_000) }).catch(() => null)
  await answer?.arrayBuffer()
  return answer?.status ?? null
}

/** Until what only one of them is asked comes to this one. */
async function untilAsked(side: Side): Promise<void> {
  const deadline = performance.now() + 10_000
  for (side.asked = []; side.asked.length === 0; await delay(20)) {
    if (performance.now() > deadline) throw new Error('it is not asked')
    await statusOf(`${url}/ledger/producers`)
  }
}

async function asked(paths: string[], method = 'GET'): Promise<void> {
  for (const path of paths) expect(await statusOf(`${url}${path}`, method)).toBe(200)
}

describe('the front of the ledger', () => {
  it('asks both for what is committed', async () => {
    await asked(Array.from({ length: 10 }, (_, i) => `/ledger/blocks/${i}`))
    expect(sides.map((side) => side.asked.length)).toEqual([5, 5])
  })

  it('asks the one that seals alone for cursors, and gives entries to nobody else', async () => {
    await asked(['/ledger/producers', '/ledger/producers/audit', '/ledger/producers'])
    await asked(['/ledger/admin-entries'], 'POST')
    expect(sides.map((side) => side.asked.length)).toEqual([4, 0])
  })

  it('follows the lease within the time of a take-over, and lets those wait who ask meanwhile', async () => {
    sides[0].seals = false
    await delay(400)
    const waiting = statusOf(`${url}/ledger/producers`)
    await delay(500)
    const start = performance.now()
    sides[1].seals = true
    expect(await waiting).toBe(200)
    expect(performance.now() - start).toBeLessThan(TAKE_OVER_MS)
    expect(sides.map((side) => side.asked.length)).toEqual([0, 1])
  })

  it('says 503 when none seals, and goes on giving what is committed', async () => {
    sides[0].seals = false
    await delay(400)
    expect(await statusOf(`${url}/ledger/producers`)).toBe(503)
    await asked(['/ledger/checkpoint', '/ledger/checkpoint'])
  })

  it('tells a sequencer who asked, and believes nobody’s own word on it', async () => {
    await fetch(`${url}/ledger/producers`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
    expect(sides[0].forwardedFor).toBe('127.0.0.1')
  })
})
