import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually } from '@careseal/testing'
import { processesOn, startCareseal } from './started-careseal.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const isBuilt = ['cli', 'identity', 'consent', 'records', 'audit', 'ledger-sequencer'].every((app) =>
  existsSync(join(ROOT, 'apps', app, 'dist', 'main.js')),
)

const careseal = async (...args: string[]) => {
  const { code, stdout: out, stderr: err } = await startCareseal(args).ended
  return { code, out, err }
}

describe.skipIf(!isBuilt)('careseal', () => {
  it.each([
    [['nonsense'], 'unknown command'],
    [['up', '--nonsense'], 'unknown option'],
    [['up', '--port', 'eighty'], 'must be a port'],
    [['up', '--once', '--detach'], 'leave out --detach'],
    [['up', '--no-demo', '--data', import.meta.dirname], 'which --no-demo leaves out: leave it out, or'],
    [['up', '--data', '/no/such/folder'], 'there is no /no/such/folder'],
    [['up', '--data', import.meta.dirname], 'there is no .json file in'],
    [['up', '--once', '--data', import.meta.dirname], 'there is no .json file in'],
    [['up', '--detach', '--data', import.meta.dirname], 'there is no .json file in'],
    [['import'], 'missing required argument'],
    [['token'], 'required option'],
    [['receipt', 'verify', '/no/such/file', '--vkey', 'x+y'], 'cannot read'],
    [['receipt', 'get', 'Patient/x', '--as', 'a', '--wait', 'long'], 'must be a number of seconds'],
    [['verify', '--origin', 'nonsense'], '--origin must be a URL'],
    [['up', '--detach', '--data-dir', import.meta.filename], 'a file is in the way'],
    [['up', '--data-dir', join(import.meta.filename, 'in')], 'a file is in the way'],
    [['up', '--data-dir', '/proc/no-such-ledger'], 'cannot hold a ledger'],
    [['keys', 'rotate', 'log', '--old', 'w+1+k', '--new', 'w+2+k'], '--old and --new are of a witness'],
    [['keys', 'rotate', 'witness', '--old', 'w+1+k', '--new', 'w+2+k'], 'w+1+k is no vkey'],
    [['completion', 'cmd'], 'must be one of bash, zsh, fish'],
  ])('%j is a usage error that says why', async (args, why) => {
    const { code, err, out } = await careseal(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(why)
  })

  it('says that nothing runs, and how to start it', async () => {
    const { code, err } = await careseal('verify', '--data-dir', join(tmpdir(), 'no-such-ledger'))
    expect(code).toBe(4)
    expect(err).toContain('npm start')
  })

  it('prints help with examples on stdout', async () => {
    const { code, out } = await careseal('up', '--help')
    expect(code).toBe(0)
    for (const option of ['--detach', '--json', '--no-demo', '--data', '--once', '--port', '--data-dir']) {
      expect(out).toContain(option)
    }
    expect(out).toContain('Examples:')
  })

  it('completes commands in every shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) expect((await careseal('completion', shell)).out).toContain('tamper')
  })
})

describe.skipIf(!isBuilt || !existsSync('/proc'))('a ledger on this machine', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'careseal-up-'))
  const on = (...args: string[]) => careseal(...args, '--data-dir', dataDir)
  afterAll(async () => {
    await on('down')
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('starts once, dies with its supervisor, goes on at the second start, and leaves nothing behind', async () => {
    const first = await on('up', '--detach', '--json', '--port', '0')
    expect(first).toMatchObject({ code: 0 })
    const ready = JSON.parse(first.out)
    const places = ['dataDir', 'nats', 'origin', 'pid', 'policyFile', 'postgres']
    expect(Object.keys(ready).toSorted()).toEqual(
      [...places, 'logins', 'publication', 'refused', 'witnesses'].toSorted(),
    )
    expect(ready.logins).toContainEqual({ name: 'patient-1', role: 'patient' })
    expect((await on('up', '--detach', '--port', '0')).err).toContain('it runs already')
    const before = JSON.parse((await on('verify', '--json')).out)
    expect(before).toMatchObject({ ok: true })

    process.kill(ready.pid, 'SIGKILL')
    await eventually(() => expect(processesOn(dataDir)).toEqual([]), { withinMs: 40_000 })

    const second = await on('up', '--detach', '--json', '--port', '0')
    expect(second).toMatchObject({ code: 0 })
    expect(JSON.parse(second.out).logins).toEqual(ready.logins)
    expect((await on('token', '--as', 'clinician')).out.split('.')).toHaveLength(3)
    const after = JSON.parse((await on('verify', '--json')).out)
    expect(after.ok).toBe(true)
    expect(after.entries).toBeGreaterThanOrEqual(before.entries)

    expect((await on('down')).code).toBe(0)
    await eventually(() => expect(processesOn(dataDir)).toEqual([]), { withinMs: 20_000 })
    expect((await on('status')).code).toBe(4)
  }, 600_000)
})
