// Old copies come back while the ledger is stopped: of the disk that all but the signer is on, and of the database alone.
// Each start says what is wrong and which runbook mends it, and the runbook's commands do.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseNote } from '@careseal/ledger-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, caresealOk, temporaryFolder, UP_DEADLINE_MS, type Detached } from '../support/careseal.js'
import { writeBundles } from '../support/fhir.js'
import { untilMirrored } from '../support/mirrored.js'

const folder = temporaryFolder()
const dataDir = join(folder.path, 'ledger')
const REFUSED_MS = 110_000
const MANY_MS = 6 * UP_DEADLINE_MS
/** As many as the demo's people are linked to. */
const PATIENTS = 3

const run = (...args: string[]) => careseal([...args, '--data-dir', dataDir], { timeoutMs: UP_DEADLINE_MS })
const runOk = (...args: string[]) => caresealOk([...args, '--data-dir', dataDir], { timeoutMs: UP_DEADLINE_MS })
const start = ['up', '--detach', '--json', '--port', '0'] as const
const up = (...args: string[]) => run(...start, ...args)
/** A start that is refused ends as soon as it has said why, and waits for no other service. */
const upRefused = () => careseal([...start, '--no-demo', '--data-dir', dataDir], { timeoutMs: REFUSED_MS })

/** Starts it, and stops it once witnesses and the mirror have all of it. */
async function grow(...args: string[]): Promise<void> {
  const started = await up(...args)
  expect([started.code, started.stderr]).toEqual([0, expect.anything()])
  const { origin } = JSON.parse(started.stdout) as Detached
  while (!(await isWitnessed(origin))) await delay(500)
  await untilMirrored(dataDir, await (await fetch(`${origin}/ledger/checkpoint`)).text())
  await runOk('down')
}

async function isWitnessed(origin: string): Promise<boolean> {
  const { treeSize } = (await (await fetch(`${origin}/ledger/status`)).json()) as { treeSize: number }
  const note = await (await fetch(`${origin}/ledger/checkpoint`)).text()
  const { text, signatures } = parseNote(note)
  return signatures.length > 2 && text.split('\n')[1] === String(treeSize)
}

// With owners and modes, for Postgres asks for its own.
function copy(from: string, to: string, parts: readonly string[]): void {
  mkdirSync(to, { recursive: true })
  for (const part of parts) {
    rmSync(join(to, part), { recursive: true, force: true })
    execFileSync('cp', ['-a', join(from, part), join(to, part)])
  }
}

const [old, whole] = [join(folder.path, 'old'), join(folder.path, 'whole')]
const ALL = ['postgres', 'nats', 'witnesses', 'signer']

beforeAll(async () => {
  await grow('--no-demo')
  copy(dataDir, old, ALL)
  const bundles = join(folder.path, 'bundles')
  mkdirSync(bundles)
  writeBundles(bundles, { seed: 'old-copy', patients: PATIENTS, years: 1 })
  await grow('--data', bundles)
  copy(dataDir, whole, ALL)
}, MANY_MS)
afterAll(async () => {
  await run('down')
  folder.remove()
}, MANY_MS)

async function expectMended(): Promise<void> {
  expect(await up('--no-demo')).toMatchObject({ code: 0 })
  expect(await runOk('verify', '--policy', join(dataDir, 'policy.txt'))).toContain('verified')
  expect(await run('fsck')).toMatchObject({ code: 0 })
  await runOk('down')
}

describe('an old copy that was put back while the ledger was stopped', () => {
  it(
    'of all but the signer is told by the start, and the signer goes back by command',
    async () => {
      copy(old, dataDir, ['postgres', 'nats', 'witnesses'])
      const refused = await upRefused()
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/ledger-sequencer did not start: rollback-detected: size \d+ was signed/)
      expect(refused.stderr).toContain('docs/operations/rollback-detected.md')
      const before = JSON.parse(await runOk('signer', 'status', '--json'))
      expect(before).toMatchObject({ retreat: null, signedSize: expect.any(Number) })
      const recovery = await run('ledger', 'recover')
      expect(recovery, recovery.stderr).toMatchObject({ code: 3, stdout: expect.stringContaining('was signed') })
      const retreat = JSON.parse(await runOk('signer', 'retreat', '--yes', '--json'))
      expect(retreat.abandonedSize).toBe(before.signedSize)
      await expectMended()
      expect(await runOk('signer', 'status')).toContain(`went back from ${retreat.abandonedSize} to ${retreat.size}`)
    },
    MANY_MS,
  )

  it(
    'of the database alone is put back from the mirror, and each service that lost events is recovered by command',
    async () => {
      // What the first case has verified is another history: its verifier would say so.
      rmSync(join(dataDir, 'visits'), { recursive: true })
      copy(whole, dataDir, ['nats', 'witnesses', 'signer'])
      copy(old, dataDir, ['postgres'])
      expect(await upRefused()).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('docs/operations/rollback-detected.md'),
      })
      await runOk('ledger', 'recover')
      const { code, stderr } = await upRefused()
      expect([code, stderr]).toEqual([1, expect.stringContaining('docs/operations/producer-rollback.md')])
      const named = /careseal producer recover ([\w ]+) --yes/.exec(stderr)?.[1]?.split(' ') ?? []
      expect(named).toEqual(expect.arrayContaining(['identity', 'records']))
      const recovered = await runOk('producer', 'recover', ...named, '--yes')
      for (const service of named) expect(recovered).toContain(`${service} goes on as ${service}-2`)
      await expectMended()
    },
    MANY_MS,
  )
})
