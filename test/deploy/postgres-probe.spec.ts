// When the liveness probe of Postgres ends it: never while it takes connections or recovers, always when it refuses them
// and nobody recovers it. The program that asks it is a stand-in, whose word the test chooses; the processes are real.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { render, type Manifest } from './rendered.js'

type Probe = { exec: { command: string[] }; periodSeconds?: number; failureThreshold: number }
type Spec = { template: { spec: { containers: { startupProbe: Probe; livenessProbe: Probe }[] } } }

const [TAKES, REFUSES, SILENT] = [0, 1, 2]
const folder = mkdtempSync(join(tmpdir(), 'careseal-probe-'))
let startup: Probe
let liveness: Probe

const isPostgres = ({ kind, metadata }: Manifest) => kind === 'StatefulSet' && metadata.name === 'postgres'

beforeAll(async () => {
  const set = (await render('deploy/k8s/overlays/dev')).find(isPostgres) as { spec: Spec } | undefined
  const [container] = set?.spec.template.spec.containers ?? []
  startup = container?.startupProbe as Probe
  liveness = container?.livenessProbe as Probe
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the probe ends with while pg_isready ends with `word`. */
function probed(word: number | undefined, { exec }: Probe = liveness): number | null {
  writeFileSync(join(folder, 'pg_isready'), `#!/bin/sh\nexit ${word}\n`, { mode: 0o755 })
  const [program = '', ...args] = exec.command
  return spawnSync(program, args, { env: { PATH: `${folder}:${process.env['PATH']}` } }).status
}

describe('the liveness probe of Postgres', () => {
  it('passes while connections are taken, and fails when nobody answers', () => {
    expect(probed(TAKES)).toBe(0)
    expect(probed(SILENT)).not.toBe(0)
  })

  it('passes during a recovery, however long it lasts, and fails when connections are refused without one', async () => {
    const recovering = spawn('sleep', ['60'], { argv0: 'postgres: startup recovering 000000010000000000000001' })
    await once(recovering, 'spawn')
    await vi.waitFor(() => expect(probed(REFUSES)).toBe(0))
    recovering.kill('SIGKILL')
    await once(recovering, 'exit')
    // Another Postgres of this machine may be starting at this moment.
    await vi.waitFor(() => expect(probed(REFUSES)).not.toBe(0), { timeout: 20_000 })
  })

  it('ends it after minutes and not after a moment, and its start waits for a recovery as well', () => {
    expect((liveness.periodSeconds ?? 10) * liveness.failureThreshold).toBeGreaterThanOrEqual(120)
    expect(startup.exec).toEqual(liveness.exec)
  })
})
