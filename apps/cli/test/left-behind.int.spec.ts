// What a ledger left behind that could not stop in order, and what is not there yet: no command ends a stranger for it,
// or takes it for a ledger that runs.
import { startOf } from '@careseal/stack'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCareseal } from './started-careseal.js'

/** The start of a process before the machine's own. */
const EARLIER = '00000000-0000-0000-0000-000000000000/1'
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
const isAlive = () => other.exitCode === null && other.signalCode === null
const write = (name: string, content: string) => writeFileSync(join(folder, name), content)

function leaveState(processStart: string | null): void {
  write('state.json', JSON.stringify({ v: 1, pid: other.pid, processStart, dataDir: folder, services: {} }))
}

describe('careseal down', () => {
  it('ends the process that wrote that it runs', async () => {
    leaveState(startOf(other.pid!))
    expect(await careseal('down')).toMatchObject({ code: 0, stderr: expect.stringContaining('stopping') })
    expect(isAlive()).toBe(false)
  })

  it('ends no other one that bears its number by now: that is no ledger that runs', async () => {
    leaveState(EARLIER)
    expect(await careseal('down')).toMatchObject({ code: 0, stdout: 'it is not running\n' })
    expect(isAlive()).toBe(true)
    expect((await careseal('status')).code).toBe(4)
  })

  it('says who starts the ledger, where that is under way', async () => {
    write('starting.pid', `${other.pid} ${startOf(other.pid!)}`)
    expect(await careseal('down')).toMatchObject({ code: 1, stderr: expect.stringContaining(`process ${other.pid}`) })
    write('starting.pid', `${other.pid} ${EARLIER}`)
    expect((await careseal('down')).code).toBe(0)
    expect(isAlive()).toBe(true)
  })
})
