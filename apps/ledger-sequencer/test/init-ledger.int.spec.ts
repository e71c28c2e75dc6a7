import { sha256 } from '@careseal/crypto'
import {
  addSignatureLines,
  parseCheckpoint,
  parseEntry,
  parseNote,
  parsePolicy,
  parseVkey,
  signNote,
} from '@careseal/ledger-core'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadHead } from '../src/database/head.js'
import { readerOf } from './ledger-under-test.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { linkOf, ORIGIN } from './raw-block.js'
import { policyText, WitnessDouble } from './witness-double.js'
import { WitnessClient } from '../src/cosigning/witness-client.js'
import { formatLogKey, parseLogKey } from '../src/signer/log-key.js'
import { initLedger, type InitOptions } from '../src/genesis/init-ledger.js'

const old = parseLogKey(formatLogKey('old.example', new Uint8Array(32).fill(5)))
let database: LedgerDatabase
let dir: string

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  await database.reset()
  dir = await mkdtemp(join(tmpdir(), 'careseal-init-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const init = (more: Partial<InitOptions> = {}) =>
  initLedger({ dir, origin: ORIGIN, producers: ['records', 'consent'], databaseUrl: database.url, ...more })

const crashAt = (step: string) => init({ onStep: (begun) => begun === step && crash() })

function crash(): never {
  throw new Error('crash')
}

async function firstEntry() {
  const { entries } = await readerOf(database).entries(0, 1)
  return Buffer.from(entries[0]?.bytes ?? '', 'base64')
}

describe('ledger init', () => {
  it('begins a ledger whose block 0 is the genesis alone', async () => {
    const { vkey, done } = await init()
    expect(done).toEqual(['state', 'key', 'genesis', 'block'])
    expect(await loadHead(database.pool)).toMatchObject({ height: 0, treeSize: 2 })
    const producers = { consent: linkOf('consent'), records: linkOf('records') }
    const genesis = { origin: ORIGIN, logKeys: [vkey], operators: [], producers, previous: null }
    expect(parseEntry(await firstEntry())).toEqual({ genesis })
    const modes = ['signer-state.json', 'log.key', 'genesis.json'].map((file) => stat(join(dir, file)))
    for (const { mode } of await Promise.all(modes)) expect(mode & 0o777).toBe(0o600)
  })

  it('changes nothing when it is repeated', async () => {
    const first = await init()
    const again = await init()
    expect(again).toEqual({ ...first, done: [] })
    expect((await loadHead(database.pool)).height).toBe(0)
  })

  it.each(['state', 'key', 'genesis', 'block'])('goes on after a crash before %s, with what it had', async (step) => {
    await expect(crashAt(step)).rejects.toThrow('crash')
    const key = await readFile(join(dir, 'log.key'), 'utf8').catch(() => null)
    const genesis = await readFile(join(dir, 'genesis.json'), 'utf8').catch(() => null)
    await init()
    const now = { key: await readFile(join(dir, 'log.key'), 'utf8'), genesis: (await firstEntry()).toString() }
    expect(now).toEqual({ key: key ?? now.key, genesis: genesis ?? now.genesis })
    expect((await loadHead(database.pool)).height).toBe(0)
  })

  it.each([
    ['signer-state.json', 'signer-state-missing'],
    ['log.key', 'key-missing'],
    ['genesis.json', 'genesis-missing'],
    ['tombstones.jsonl', 'tombstones-missing'],
    ['tombstones-head.json', 'tombstones-missing'],
  ])('makes no new %s for a ledger that lost it', async (file, code) => {
    await init()
    await rm(join(dir, file))
    await expect(init()).rejects.toMatchObject({ code })
    await expect(stat(join(dir, file))).rejects.toThrow('ENOENT')
  })

  it('refuses another origin or other producers than the genesis has', async () => {
    await init()
    await expect(init({ origin: 'other.example' })).rejects.toMatchObject({ code: 'other-genesis' })
    await expect(init({ producers: ['records'] })).rejects.toMatchObject({ code: 'other-genesis' })
  })

  it('refuses a database that holds another ledger', async () => {
    await init()
    const other = await mkdtemp(join(tmpdir(), 'careseal-init-'))
    await expect(init({ dir: other })).rejects.toMatchObject({ code: 'signer-state-missing' })
    await database.reset()
    await init({ dir: other })
    await expect(init()).rejects.toMatchObject({ code: 'other-block-0' })
    await rm(other, { recursive: true })
  })

  it('refuses an empty database once something was signed', async () => {
    await init()
    await writeFile(join(dir, 'signer-state.json'), `{"v":1,"size":2,"root":"${'11'.repeat(32)}"}`)
    await database.reset()
    await expect(init()).rejects.toMatchObject({ code: 'blocks-missing' })
  })

  it('names a predecessor only as far as the witnesses of its policy co-signed it', async () => {
    const witness = await WitnessDouble.start('w1', 11, old.vkey)
    const previousPolicy = parsePolicy(sha256, `log ${old.vkey}\n${policyText([witness], 1)}`)
    const nobody = parsePolicy(sha256, `log ${old.vkey}\nquorum none\n`)
    const signed = await signNote(`old.example\n7\n${Buffer.alloc(32).toString('base64')}\n`, old.signer)
    const client = new WitnessClient({ name: 'w1', vkey: parseVkey(sha256, witness.vkey), url: witness.url }, 1_000)
    const checkpoint = { ...parseCheckpoint(parseNote(signed).text), text: parseNote(signed).text, note: signed }
    const answer = await client.addCheckpoint({ ...checkpoint, proofFrom: async () => [] }, 0)
    await witness.close()
    const refusal = { code: 'previous-not-believed' }
    await expect(init({ previous: 'yesterday\n' })).rejects.toMatchObject(refusal)
    await expect(init({ previous: signed, previousPolicy })).rejects.toMatchObject(refusal)
    await expect(init({ previous: signed, previousPolicy: nobody })).rejects.toMatchObject(refusal)
    await expect(stat(join(dir, 'signer-state.json'))).rejects.toThrow('ENOENT')
    const previous = addSignatureLines(signed, 'cosigned' in answer ? answer.cosigned.line : '')
    await init({ previous, previousPolicy })
    expect(parseEntry(await firstEntry())).toMatchObject({ genesis: { previous } })
  })

  it('refuses an operator key that is none, before anything is made', async () => {
    await expect(init({ operators: ['nobody'] })).rejects.toThrow('vkey')
    await expect(stat(join(dir, 'signer-state.json'))).rejects.toThrow('ENOENT')
  })
})
