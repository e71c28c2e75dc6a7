// A recovery that cannot read the mirror it was told ends before anything of the ledger is touched.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { smallLedger, writeExport } from '../src/fsck/small-export.fixture.js'
import { startCareseal } from './started-careseal.js'

let root: string
let server: Server
let url: string

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'careseal-recover-'))
  for (const name of ['ledger', 'mirror', 'empty']) mkdirSync(join(root, name))
  await writeExport(join(root, 'mirror'), smallLedger(3))
  writeFileSync(join(root, 'ledger', 'ledger-initialised.json'), JSON.stringify({ origin: 'another.example/ledger' }))
  server = createServer((_request, response) => response.writeHead(404).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.close()
  rmSync(root, { recursive: true, force: true })
})

async function recover(...from: string[]) {
  const { code, stderr } = await startCareseal(['ledger', 'recover', ...from, '--data-dir', join(root, 'ledger')]).ended
  // The database of a folder is made when it is first needed.
  expect(existsSync(join(root, 'ledger', 'postgres'))).toBe(false)
  return { code, stderr }
}
const told = (text: string) => expect.stringContaining(text)

describe('a recovery', () => {
  it('without a mirror of this machine asks for one', async () => {
    expect(await recover()).toEqual({ code: 2, stderr: told('--from') })
  })

  it('refuses a folder that is not there, and one that is no export', async () => {
    expect(await recover('--from', join(root, 'miror'))).toEqual({ code: 2, stderr: told('there is no folder') })
    expect(await recover('--from', join(root, 'empty'))).toEqual({ code: 2, stderr: told('it has no checkpoint') })
  })

  it('refuses the mirror of another log', async () => {
    const { code, stderr } = await recover('--from', join(root, 'mirror'))
    expect({ code, stderr }).toEqual({ code: 3, stderr: told('the ledger of this folder is another.example/ledger') })
  })

  it('refuses a server that has no mirror there, and one that is not there', async () => {
    expect(await recover('--from', `${url}/none/mirror/`)).toEqual({
      code: 1,
      stderr: told('/none/mirror/checkpoint: 404'),
    })
    server.close()
    expect(await recover('--from', url)).toEqual({ code: 4, stderr: told('does not answer') })
  })
})
