import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRefusal } from './start-refusal.js'

const folder = mkdtempSync(join(tmpdir(), 'careseal-refusal-'))
const logFile = join(folder, 'service.log')
const ROLLED_BACK = '{"level":"error","code":"PRODUCER_ROLLBACK"}\n'
let server: Server
let url: string
let status: object

beforeAll(async () => {
  server = createServer((_request, response) => response.end(JSON.stringify(status)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const one = (name: 'consent' | 'records' | 'audit') => ({ name, url, logFile: join(folder, `${name}.log`), logFrom: 0 })

describe('why a service will never be ready', () => {
  it('is for the ledger what it says itself, with the runbook and the commands', async () => {
    const ledger = { name: 'ledger-sequencer', url, logFile, logFrom: 0 } as const
    status = { state: 'starting' }
    expect(await startRefusal(ledger)).toBeNull()
    status = { state: 'halted', halt: { code: 'rollback-detected', detail: 'size 9 was signed' } }
    const refusal = await startRefusal(ledger)
    expect(refusal).toMatch(/^rollback-detected: size 9 was signed\. Runbook: docs\/operations\/rollback-detected\.md/)
    expect(refusal).toContain('careseal signer retreat')
    expect(await startRefusal({ ...ledger, url: 'http://127.0.0.1:1' })).toBeNull()
  })

  it('is for a producer what its log says since its start', async () => {
    writeFileSync(logFile, ROLLED_BACK)
    const consent = { name: 'consent', url, logFile, logFrom: statSync(logFile).size } as const
    expect(await startRefusal(consent)).toBeNull()
    appendFileSync(logFile, ROLLED_BACK)
    expect(await startRefusal(consent)).toContain('careseal producer recover consent --yes')
    const grown = { ...consent, logFrom: 10 * consent.logFrom }
    expect(await startRefusal(grown)).toContain('producer-rollback')
  })

  it('is for a producer told together with those that are rolled back, too, once each is known', async () => {
    writeFileSync(one('consent').logFile, ROLLED_BACK)
    setTimeout(() => writeFileSync(one('records').logFile, ROLLED_BACK), 600)
    const silent = { ...one('records'), url: 'http://127.0.0.1:1' }
    const refusal = await startRefusal(one('consent'), [
      { ...one('audit'), name: 'ledger-sequencer' },
      one('audit'),
      silent,
    ])
    expect(refusal).toContain('the databases of consent, records lack')
    expect(refusal).toMatch(/careseal producer recover consent records --yes$/)
  })
})
