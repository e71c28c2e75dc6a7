import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir, type DataDir } from '@careseal/stack'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProgram } from '../program.js'

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
})
