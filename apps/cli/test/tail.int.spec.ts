import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, openDataDir, startNats, type RunningNats } from '@careseal/stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const CLI = join(ROOT, 'apps', 'cli', 'bin', 'careseal.mjs')
const folder = mkdtempSync(join(tmpdir(), 'careseal-tail-'))
const PATIENCE_MS = 60_000
let nats: RunningNats

beforeAll(async () => {
  nats = await startNats()
  // A broker that answers, and an origin that does not.
  const state = { v: 1, pid: process.pid, nats: nats.url, origin: `http://127.0.0.1:${await freePort()}` }
  openDataDir(folder).writeJson('state.json', state)
})
afterAll(async () => {
  await nats?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!existsSync(join(ROOT, 'apps', 'cli', 'dist', 'main.js')))('careseal tail', () => {
  it(
    'ends when it cannot begin, and keeps no connection that would hold it',
    async () => {
      const child = spawn(process.execPath, [CLI, 'tail', '--data-dir', folder], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      let told = ''
      child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()))
      const code = await new Promise((resolve) => child.once('close', resolve))
      clearTimeout(timer)
      expect([code, told]).toEqual([4, expect.stringContaining('does not answer')])
    },
    2 * PATIENCE_MS,
  )
})
