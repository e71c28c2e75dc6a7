// Starts that somebody or something ends in the middle: what is said, what is left running, what the next one does.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '@careseal/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasTerminal, processesOn, startCareseal, startOnTerminal, untilNothingRunsOn } from './started-careseal.js'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const isBuilt = existsSync(join(ROOT, 'apps', 'ledger-sequencer', 'dist', 'main.js'))
const CTRL_C = '\u0003'

let dataDir: string
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'careseal-interrupted-'))))
afterEach(async () => {
  await on('down').ended
  rmSync(dataDir, { recursive: true, force: true })
})

const on = (...args: string[]) => startCareseal([...args, '--data-dir', dataDir])
const onTerminal = () => startOnTerminal((careseal) => `${careseal} up --port 0 --data-dir ${dataDir}`)
const fileOf = (name: string) => readFileSync(join(dataDir, name), 'utf8')
const soon = { withinMs: 300_000 }
const untilThere = (name: string) => eventually(() => expect(existsSync(join(dataDir, name))).toBe(true), soon)

describe.skipIf(!isBuilt || !existsSync('/proc'))('a start that is ended', { timeout: 900_000 }, () => {
  it('in the middle of its sample has the sample and its logins after the next', async () => {
    const first = on('up', '--detach', '--port', '0')
    await untilThere('imported.jsonl')
    process.kill(JSON.parse(fileOf('state.json')).pid, 'SIGKILL')
    expect(await first.ended).toMatchObject({ code: 1 })
    await untilNothingRunsOn(dataDir)
    expect(fileOf('logins.json')).not.toContain('patient-1')

    const second = await on('up', '--detach', '--json', '--port', '0').ended
    expect(second).toMatchObject({ code: 0 })
    expect(JSON.parse(second.stdout).logins).toContainEqual({ name: 'patient-1', role: 'patient' })
    expect(fileOf('imported.jsonl').match(/"hash"/g)).toHaveLength(8)
  })

  it('by what goes wrong after it leaves nothing running', async () => {
    mkdirSync(join(dataDir, 'ready.json', 'in-the-way'), { recursive: true })
    const { code, stderr } = await on('up', '--no-demo', '--port', '0').ended
    expect(code).toBe(1)
    expect(stderr).toContain('ready.json')
    await untilNothingRunsOn(dataDir)
  })

  describe.skipIf(!hasTerminal)('by a Ctrl-C on a terminal', () => {
    it('says so, leaves nothing running and a cursor', async () => {
      const { child, told, ended } = onTerminal()
      await untilThere('starting.pid')
      child.stdin.write(CTRL_C)
      await eventually(() => expect(told.stdout).toContain('stopping …; Ctrl-C again'), { withinMs: 5_000 })
      const { code, stdout } = await ended
      expect(code).toBe(130)
      expect(stdout.lastIndexOf('\u001B[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001B[?25l'))
      expect(stdout).toContain('nothing is left running')
      expect(stdout).not.toContain('Open the origin (')
      await untilNothingRunsOn(dataDir)
    })

    it('and a second one does not wait', async () => {
      const { child, told, ended } = onTerminal()
      await untilThere('logs')
      child.stdin.write(CTRL_C)
      await eventually(() => expect(told.stdout).toContain('stopping …'), { withinMs: 5_000 })
      child.stdin.write(CTRL_C)
      const at = performance.now()
      expect(await ended).toMatchObject({ code: 130 })
      expect(performance.now() - at).toBeLessThan(5_000)
      await untilNothingRunsOn(dataDir)
    })
  })
})

describe.skipIf(!isBuilt || !existsSync('/proc'))('a start in the background', { timeout: 900_000 }, () => {
  it('ends with the command that waits for it', async () => {
    const { child, told, ended } = on('up', '--detach', '--port', '0')
    await untilThere('starting.pid')
    expect(processesOn(dataDir).length).toBeGreaterThan(1)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, stdout: '' })
    expect(told.stderr).toContain('stopping …')
    await untilNothingRunsOn(dataDir)
  })

  it('tells which bundles were refused, and their names on the terminal alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'careseal-bundles-'))
    writeFileSync(join(folder, 'no-bundle.json'), '{}')
    const { code, stdout, stderr } = await on('up', '--detach', '--json', '--port', '0', '--data', folder).ended
    rmSync(folder, { recursive: true })
    expect(code).toBe(1)
    expect(JSON.parse(stdout).refused).toEqual([{ number: 1, hash: expect.any(String), reason: expect.any(String) }])
    expect(stdout).not.toContain('no-bundle')
    expect(stderr).toContain('no-bundle.json')
  })
})
