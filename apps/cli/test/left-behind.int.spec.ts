// What a ledger left behind that could not stop in order, and what is not there yet: no command ends a stranger for it,
// or takes it for a ledger that runs.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { processesOn, startCareseal } from './started-careseal.js'

const LONG_AGO = '2020-01-01T00:00:00.000Z'
let folder: string
let other: ChildProcess

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-left-'))
  other = spawn('sleep', ['60'])
  await once(other, 'spawn')
})
afterEach(() => {
  other.kill()
  rmSync(folder, { recursive: true, force: true })
})

const careseal = (...args: string[]) => startCareseal([...args, '--data-dir', folder]).ended
const file = (name: string) => join(folder, name)
const isAlive = () => other.exitCode === null && other.signalCode === null

function leaveState(startedAt: string, pid = other.pid): void {
  writeFileSync(file('state.json'), JSON.stringify({ v: 1, pid, startedAt, dataDir: folder, services: {} }))
}

describe('a number that another process bears by now', () => {
  it('is ended by no careseal down, and its ledger does not run', async () => {
    leaveState(LONG_AGO)
    expect(await careseal('down')).toMatchObject({ code: 0, stdout: 'it is not running\n' })
    expect(isAlive()).toBe(true)
    expect(existsSync(file('state.json'))).toBe(false)
    expect((await careseal('status')).code).toBe(4)
  })

  it('keeps nobody from a start', async () => {
    writeFileSync(file('starting.pid'), String(other.pid))
    utimesSync(file('starting.pid'), new Date(LONG_AGO), new Date(LONG_AGO))
    await careseal('status')
    expect(existsSync(file('starting.pid'))).toBe(false)
  })

  it('is that of the ledger all the same where something below it works on the folder', async () => {
    const supervisor = spawn('sh', ['-c', `tail -f ${file('log')} & wait`])
    writeFileSync(file('log'), 'begun\n')
    await once(supervisor.stdout, 'data')
    leaveState(LONG_AGO, supervisor.pid)
    expect(await careseal('down')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('stopped; the data stays'),
    })
    expect(supervisor.signalCode ?? (await once(supervisor, 'exit'))[1]).toBe('SIGTERM')
    for (const pid of processesOn(folder)) process.kill(Number(pid))
  })
})

describe('careseal down', () => {
  it('ends the process that wrote that it runs', async () => {
    leaveState(new Date().toISOString())
    expect(await careseal('down')).toMatchObject({ code: 0, stderr: expect.stringContaining('stopping') })
    expect(isAlive()).toBe(false)
  })

  it('says who starts the ledger, where that is under way', async () => {
    writeFileSync(file('starting.pid'), String(other.pid))
    expect(await careseal('down')).toMatchObject({ code: 1, stderr: expect.stringContaining(`process ${other.pid}`) })
    expect(isAlive()).toBe(true)
  })
})
