import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir, type DataDir } from '@careseal/stack'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProgram } from '../program.js'
import { noteImported, readImported } from './imported.js'

let tokensAsked = 0
let [isTokenAway, bundlesSent] = [false, 0]

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on('end', () => {
    if (request.url === '/auth/token') {
      tokensAsked += 1
      if (isTokenAway && tokensAsked === 1) return void response.writeHead(503).end()
      return void response.end(JSON.stringify({ access_token: 'e30.e30.c2ln', expires_in: 300 }))
    }
    bundlesSent += 1
    const entry = [{ response: { status: '201 Created', location: `Patient/${bundlesSent}/_history/1` } }]
    response.end(JSON.stringify({ entry }))
  })
}

const server = createServer(answer)
let origin: string
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

let dataDir: DataDir
let file: string
beforeEach(() => {
  vi.stubEnv('CARESEAL_TOKEN', undefined)
  dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-import-command-')))
  const logins = ['hospital', 'lab'].map((name) => ({ name, clientId: name, role: 'system' }))
  dataDir.writeJson('state.json', { origin, pid: process.pid, logins })
  file = join(dataDir.root, 'bundle.json')
  const entry = [{ resource: { resourceType: 'Patient' } }]
  writeFileSync(file, JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }))
  ;[tokensAsked, bundlesSent, isTokenAway] = [0, 0, false]
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  rmSync(dataDir.root, { recursive: true })
})

/** What the command tells as JSON. */
async function imported(...more: string[]): Promise<object> {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const common = ['--json', '--quiet', '--data-dir', dataDir.root]
  await createProgram().parseAsync(['import', file, ...common, ...more], { from: 'user' })
  const [text] = written.mock.calls.at(-1)!
  written.mockRestore()
  return JSON.parse(String(text)) as object
}

describe('careseal import', () => {
  it('does not end where one request for a token is not answered', async () => {
    isTokenAway = true
    expect(await imported()).toMatchObject({ stored: 1 })
    expect(tokensAsked).toBe(2)
  })

  it('sends nothing again that the ledger of this machine holds, whoever imported it', async () => {
    expect(await imported()).toMatchObject({ stored: 1, before: { bundles: 0 } })
    expect(await imported('--as', 'lab')).toMatchObject({ stored: 1, before: { bundles: 1, resources: 1 } })
    expect([bundlesSent, tokensAsked]).toEqual([1, 1])
  })

  it('sends nothing that a start has loaded', async () => {
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
    noteImported(dataDir, { hash, locations: ['Patient/7/_history/1'] })
    expect(await imported()).toMatchObject({ stored: 1, before: { bundles: 1, resources: 1 } })
    expect(bundlesSent).toBe(0)
  })

  it('sends all of it to another ledger, and keeps none of that in mind', async () => {
    expect(await imported()).toMatchObject({ before: { bundles: 0 } })
    rmSync(dataDir.path('imported.jsonl'))
    for (const _ of [1, 2]) expect(await imported('--origin', origin)).toMatchObject({ before: { bundles: 0 } })
    expect(bundlesSent).toBe(3)
    expect(readImported(dataDir).size).toBe(0)
  })
})
