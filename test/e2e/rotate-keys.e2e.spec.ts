// The log's key and a witness's key change under load, by the commands of the runbook, with three real witnesses: no request
// fails, the quorum goes on co-signing, and what was changed is still there when the ledger is started again.
import { LedgerVerifier, parseNote } from '@careseal/ledger-core'
import { sha256 } from '@careseal/crypto'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync, appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { careseal, caresealOk, tokenOf, UP_DEADLINE_MS, upDetached, type Detached } from '../support/careseal.js'

const WITNESSES = ['witness-1', 'witness-2', 'witness-3']

type Rotation = { added: string; addedAt: number; retired: string; retiredAt: number }
type WitnessConfig = { keyFiles: string[]; stateDir: string; logs: { vkeys: string[] }[] }

let ledger: Detached & { down: () => Promise<void> }
let origin: string
let rotation: Rotation
const at = (...args: string[]) => [...args, '--data-dir', ledger.dataDir]
const folderOf = (witness: string) => join(ledger.dataDir, 'witnesses', witness)

beforeAll(async () => {
  ledger = await upDetached()
  origin = ledger.origin
}, UP_DEADLINE_MS)
afterAll(() => ledger?.down())

function changeConfig(witness: string, change: (config: WitnessConfig) => void): void {
  const file = join(folderOf(witness), 'witness.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as WitnessConfig
  change(config)
  writeFileSync(file, JSON.stringify(config))
}

/** Ends a process of this ledger; its supervisor starts it anew, with the configuration as it is by then. */
function endProcess(what: string): void {
  const all = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' }).split('\n')
  const own = all.filter((line) => Number(line.trim().split(/\s+/)[1]) === ledger.pid && line.includes(what))
  expect(own).toHaveLength(1)
  process.kill(Number(own[0]!.trim().split(/\s+/)[0]), 'SIGTERM')
}

const checkpoint = async () => parseNote(await (await fetch(`${origin}/ledger/checkpoint`)).text())
const sizeOf = (text: string) => Number(text.split('\n')[1])

/** Waits for a published checkpoint of at least this size with the signatures of the log and of the quorum. */
function untilCosigned(size: number) {
  return vi.waitFor(
    async () => {
      const { text, signatures } = await checkpoint()
      expect(sizeOf(text)).toBeGreaterThanOrEqual(size)
      expect(new Set(signatures.map(({ name }) => name)).size).toBeGreaterThanOrEqual(3)
      return signatures
    },
    { timeout: 60_000, interval: 200 },
  )
}

const RECORDS = ['/fhir/Observation?_count=5', '/fhir/Patient']
const LEDGER = ['/ledger/checkpoint', '/ledger/status']

/** Asks for these until it is stopped, and expects that none was refused; reads of records are events. */
async function load(...kinds: (readonly string[])[]) {
  const stopping = new AbortController()
  const refused: string[] = []
  let asked = 0
  const token = await tokenOf(ledger.dataDir, 'patient-1')
  const headers = { authorization: `Bearer ${token}` }
  const client = async (paths: readonly string[]) => {
    for (; !stopping.signal.aborted; await sleep(20)) {
      const path = paths[asked++ % paths.length] as string
      const answer = await fetch(`${origin}${path}`, { headers })
      await answer.text()
      if (!answer.ok) refused.push(`${path} ${answer.status}`)
    }
  }
  const running = kinds.map(client)
  return async () => {
    stopping.abort()
    await Promise.all(running)
    expect(refused).toEqual([])
    expect(asked).toBeGreaterThan(20)
  }
}

async function keysOf(owner: string) {
  const verifier = new LedgerVerifier(sha256)
  for (let from = 0; ;) {
    const page = (await (await fetch(`${origin}/ledger/entries?from=${from}&limit=256`)).json()) as {
      entries: { bytes: string }[]
      next: number | null
    }
    for (const { bytes } of page.entries) verifier.push(Buffer.from(bytes, 'base64'))
    if (page.next === null) return verifier.keys.filter((key) => key.owner === owner)
    from = page.next
  }
}

describe("the log's key", () => {
  it('is not changed before the quorum of witnesses believes the new one, and who is missing is said', async () => {
    const early = await careseal(at('keys', 'rotate', 'log', '--wait', '3'))
    expect(early.code).toBe(1)
    expect(early.stderr).toContain('do not believe the new key')
    const status = JSON.parse(await caresealOk(at('signer', 'status', '--json'))) as { holds: string[] }
    expect(status.holds).toHaveLength(2)
  })

  it('is changed under load without a refused request once they do', async () => {
    const stop = await load(RECORDS, LEDGER)
    const { holds } = JSON.parse(await caresealOk(at('signer', 'status', '--json'))) as { holds: string[] }
    for (const witness of WITNESSES) {
      changeConfig(witness, ({ logs }) => void (logs[0]!.vkeys = holds))
      endProcess(`${folderOf(witness)}/`)
    }
    rotation = JSON.parse(await caresealOk(at('keys', 'rotate', 'log', '--json'))) as Rotation
    expect([rotation.retired, rotation.added]).toEqual(holds)
    await untilCosigned(rotation.retiredAt + 1)
    await stop()
    const { signatures } = await checkpoint()
    const own = rotation.added.split('+')[0]
    expect(signatures.filter(({ name }) => name === own)).toHaveLength(1)
  })

  it('that is retired no longer counts, and whoever pins the new one believes all of the ledger', async () => {
    const policy = join(ledger.dataDir, 'policy.txt')
    const old = await careseal(at('verify', '--policy', policy))
    expect([old.code, old.stdout + old.stderr]).toEqual([3, expect.stringContaining('no-known-signature')])
    appendFileSync(policy, `log ${rotation.added}\n`)
    await caresealOk(at('verify', '--policy', policy))
    await caresealOk(at('fsck'))
  })
})

describe("a witness's key", () => {
  it('is changed while both co-sign, and the ledger says from which size on which of them counts', async () => {
    const folder = folderOf('witness-3')
    changeConfig('witness-3', (config) => {
      const alone = { ...config, keyFiles: ['next.key'], stateDir: 'next-state' }
      writeFileSync(join(folder, 'next.json'), JSON.stringify(alone))
      config.keyFiles.push('next.key')
    })
    const made = JSON.parse(await caresealOk(['witness', 'init', '--config', join(folder, 'next.json')])) as {
      vkeys: string[]
    }
    const next = made.vkeys[0] as string
    endProcess(`${folder}/`)
    const policy = join(ledger.dataDir, 'policy.txt')
    const [, , old, url] = /^(witness) witness-3 (\S+) (\S+)$/m.exec(readFileSync(policy, 'utf8')) as string[]
    const both = `witness w3-old ${old} ${url}\nwitness w3-next ${next} ${url}\ngroup witness-3 any w3-old w3-next`
    writeFileSync(policy, readFileSync(policy, 'utf8').replace(/^witness witness-3 .*$/m, both))
    // The policy is read at a start, and this ledger has one sequencer: its own routes are away for a moment.
    const stop = await load(RECORDS)
    endProcess('ledger-sequencer/dist/main.js')
    const args = ['--old', old as string, '--new', next, '--json']
    const changed = JSON.parse(await caresealOk(at('keys', 'rotate', 'witness', ...args))) as Rotation
    await stop()
    expect(await keysOf('witness')).toMatchObject([
      { vkey: old, untilSize: changed.retiredAt },
      { vkey: next, fromSize: changed.addedAt + 1, untilSize: null },
    ])
  })
})

describe('a ledger whose keys were changed', () => {
  it('is co-signed and verified as before when it is started again', async () => {
    await caresealOk(at('down'))
    const stdout = await caresealOk(at('up', '--detach', '--json', '--port', '0'), { timeoutMs: UP_DEADLINE_MS })
    const state = JSON.parse(stdout) as Detached
    Object.assign(ledger, state)
    origin = state.origin
    const before = sizeOf((await checkpoint()).text)
    const headers = { authorization: `Bearer ${await tokenOf(ledger.dataDir, 'patient-1')}` }
    expect((await fetch(`${origin}/fhir/Patient`, { headers })).status).toBe(200)
    await untilCosigned(before + 1)
    await caresealOk(at('verify', '--policy', join(ledger.dataDir, 'policy.txt')))
  }, 600_000)
})
