// What a command does when somebody stops it, stops reading it, or reads one of its streams alone.
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasTerminal, startCareseal, startOnTerminal } from './started-careseal.js'

const VKEY = 'ledger.example.org/test+e6a4249a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'

let own: string
beforeEach(() => (own = mkdtempSync(join(tmpdir(), 'careseal-streams-'))))
afterEach(() => rmSync(own, { recursive: true, force: true }))

const careseal = (args: string[], env: object = {}, node: string[] = []) => {
  const folders = { XDG_CONFIG_HOME: join(own, 'config'), CARESEAL_DATA_DIR: join(own, 'data') }
  return startCareseal(args, { env: { ...folders, ...env }, node })
}

const patience = { timeout: 240_000 }

describe('a stream that nobody reads any more', patience, () => {
  it('is no failure where it is stderr', async () => {
    const { child, ended } = careseal(['verify'])
    child.stderr.destroy()
    expect(await ended).toMatchObject({ code: 4 })
  })

  it('hides no failure where it is stdout', async () => {
    writeFileSync(join(own, 'receipt.json'), '{}')
    const { child, ended } = careseal(['receipt', 'verify', join(own, 'receipt.json')])
    child.stdout.destroy()
    expect(await ended).toMatchObject({ code: 3 })
  })
})

describe('CARESEAL_DEBUG', patience, () => {
  it('tells the cause of a failure, too', async () => {
    const { ended } = careseal(['verify', '--origin', 'http://127.0.0.1:1'], { CARESEAL_DEBUG: '1' })
    const { code, stderr } = await ended
    expect(code).toBe(4)
    expect(stderr).toContain('[cause]')
  })
})

describe('policy pin', patience, () => {
  it('names Windows line ends, and the mend', async () => {
    writeFileSync(join(own, 'policy.txt'), '# ours\r\nquorum none\r\n')
    const { code, stderr } = await careseal(['policy', 'pin', join(own, 'policy.txt')]).ended
    expect(code).toBe(2)
    expect(stderr).toContain('policy line 2: a Windows line end (CRLF): save the file with line feeds alone')
  })

  it('blames the folder, not the policy, where nothing can be written', async () => {
    writeFileSync(join(own, 'policy.txt'), `log ${VKEY}\nquorum none\n`)
    writeFileSync(join(own, 'config'), 'a file in the way')
    const { code, stderr } = await careseal(['policy', 'pin', join(own, 'policy.txt')]).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`${join(own, 'config', 'careseal', 'policies')} cannot be written`)
    expect(stderr).toContain('XDG_CONFIG_HOME')
  })
})

describe.skipIf(!hasTerminal)('colours', patience, () => {
  it('are in no file that stdout goes to, whoever looks at stderr', async () => {
    writeFileSync(join(own, 'receipt.json'), '{}')
    const verify = (program: string) => `${program} receipt verify ${own}/receipt.json`
    expect((await startOnTerminal(verify).ended).stdout).toContain('\u001B[31mNOT verified')
    const { stdout } = await startOnTerminal((program) => `${verify(program)} > ${own}/told; cat -v ${own}/told`).ended
    expect(stdout).toContain('NOT verified')
    expect(stdout).not.toContain('^[')
  })
})

describe.skipIf(!hasTerminal)('a progress bar', patience, () => {
  it('leaves cursor and line wrapping to a terminal whose user ends it', async () => {
    const file = join(own, 'bar.mjs')
    const module = join(import.meta.dirname, '..', 'dist', 'terminal', 'progress.js')
    const start = "startProgress({ isInteractive: true }, 'entries', 10)"
    writeFileSync(file, `import { startProgress } from '${module}'\n${start}\nsetInterval(() => {}, 1000)\n`)
    const { child, told, ended } = startOnTerminal(() => `${process.execPath} ${file}`)
    while (!told.stdout.includes('entries')) await once(child.stdout, 'data')
    child.stdin.write('\u0003')
    const { stdout } = await ended
    expect(stdout).toContain('0/10')
    expect(stdout).not.toContain('\u001B[?25l')
    expect(stdout).not.toContain('\u001B[?7l')
  })
})

// Makes this Node look older than the repository's own, so that the command starts that one.
const OLDER = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`

async function runningWitness(...node: string[]) {
  const config = join(own, 'witness.json')
  const listen = { host: '127.0.0.1', port: 0 }
  const logs = [{ origin: 'ledger.example.org/test', vkeys: [VKEY] }]
  const whole = { name: 'witness.example.org/w1', keyFiles: ['witness.key'], stateDir: 'state', listen, logs }
  writeFileSync(config, JSON.stringify(whole))
  await careseal(['witness', 'init', '--config', config]).ended
  const witness = careseal(['witness', 'run', '--config', config], {}, node)
  while (!witness.told.stdout.includes('the witness answers')) await once(witness.child.stdout, 'data')
  return witness
}

describe('a witness in the foreground', patience, () => {
  it('ends in order at a Ctrl-C, which reaches it by itself', async () => {
    const { child, ended } = await runningWitness()
    process.kill(-child.pid!, 'SIGINT')
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('the witness ends') })
  })

  it('ends with the command that was asked to end, also where an older Node began it', async () => {
    const { child, ended } = await runningWitness('--import', OLDER)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('the witness ends') })
  })
})
