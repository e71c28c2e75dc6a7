import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { planOf } from './options.js'
import { makeRunFolder, type RunFolder } from './run-folder.js'
import { copyOfTemplate } from './template.js'

let cache: string
let folder: RunFolder
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'careseal-cache-'))
  vi.stubEnv('XDG_CACHE_HOME', cache)
  folder = makeRunFolder()
})
afterEach(() => {
  vi.unstubAllEnvs()
  folder.remove()
  rmSync(cache, { recursive: true, force: true })
})

const plan = planOf({ services: ['identity'], log: () => undefined })
const programs = { dir: '/nowhere', fingerprint: 'none' }

async function failsWithLogs(dir: string): Promise<void> {
  mkdirSync(join(dir, 'logs'))
  writeFileSync(join(dir, 'logs', 'identity.log'), 'the port is taken\n')
  throw new Error('identity did not start')
}

const failsAtOnce = () => Promise.reject(new Error('no nats-server'))

describe('a ledger that could not be prepared', () => {
  it('leaves its logs in the folder of the run, and nothing in the cache', async () => {
    const prepared = copyOfTemplate(folder.root, { plan, programs, make: failsWithLogs })
    await expect(prepared).rejects.toThrow('identity did not start')
    expect(folder.logs(5)).toBe('--- identity.log\nthe port is taken')
    expect(readdirSync(join(cache, 'careseal', 'made'))).toEqual([])
  })

  it('fails as it did where there are no logs yet', async () => {
    const prepared = copyOfTemplate(folder.root, { plan, programs, make: failsAtOnce })
    await expect(prepared).rejects.toThrow('no nats-server')
  })
})
