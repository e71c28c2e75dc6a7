// The log's key and a witness's key are rotated at 1,000 events a second, while readers ask: nobody is refused.
import { sha256 } from '@careseal/crypto'
import {
  admitCheckpoint,
  beginGovernance,
  COSIGNATURE_V1,
  formatVkey,
  govern,
  LedgerVerifier,
  logKeysAt,
  parseEntry,
  parsePolicy,
  parseVkey,
  verifierOf,
  verifyCheckpoint,
  verifyLedger,
  type Governance,
} from '@careseal/ledger-core'
import { formatKeyFile, parseKeyFile, verifyEd25519 } from '@careseal/cosigner'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Administration } from '../src/administration/administration.js'
import { recordPolicy } from '../src/administration/record-policy.js'
import { retreatSigner } from '../src/administration/retreat-signer.js'
import { rotateLogKey } from '../src/administration/rotate-log-key.js'
import { rotateWitnessKey } from '../src/administration/rotate-witness-key.js'
import { Signer } from '../src/signer/signer.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { newOperator } from './operators.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'

const EVERY_MS = 100
const EVENTS_EACH = 100

const operators = ['operator-1', 'operator-2'].map(newOperator)
const records = new ChainWriter(ORIGIN, 'records')
let database: LedgerDatabase
let app: RunningApp
let witness: Server
/** The vkeys that the witness believes: what its operator wrote into its configuration. */
let believed: string[] = []
let signer: Signer

beforeAll(async () => {
  database = await startLedgerDatabase()
  const ledger = await LedgerUnderTest.begin(
    database,
    operators.map(({ vkey }) => vkey),
  )
  app = await RunningApp.start(database, ledger)
  app.answerFor(records)
  await eventually(async () => (await app.get('/readyz')).ok)
  signer = await Signer.open(ledger.dir)
  believed = [signer.vkey]
  witness = createServer((request, response) => {
    void (async () => {
      if (request.url !== '/add-checkpoint') return void response.writeHead(404).end()
      const chunks: Buffer[] = []
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
      const verifiers = believed.map((vkey) => verifierOf(parseVkey(sha256, vkey), verifyEd25519)!)
      const judged = await admitCheckpoint(Buffer.concat(chunks).toString(), () => verifiers)
      response.writeHead('refused' in judged ? judged.refused.status : 200).end()
    })()
  })
  witness.listen(0, '127.0.0.1')
  await once(witness, 'listening')
})
afterAll(async () => {
  witness?.close()
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

const witnessKey = (fill: number) => {
  const text = formatKeyFile({ name: 'witness.example/w1', type: COSIGNATURE_V1 }, new Uint8Array(32).fill(fill))
  return formatVkey(parseKeyFile(COSIGNATURE_V1, text).vkey)
}

function administration(patienceMs = 20_000): Administration {
  const { port } = witness.address() as AddressInfo
  const text = `log ${signer.vkey}\nwitness w1 ${witnessKey(7)} http://127.0.0.1:${port}/\nquorum w1\n`
  return {
    sql: database.pool,
    signer,
    ledgerUrl: `http://127.0.0.1:${app.application.port}`,
    operators,
    policy: parsePolicy(sha256, text),
    patienceMs,
    onProgress: () => {},
  }
}

/** Publishes at the rate, and asks what readers ask, until it is stopped. */
function underLoad() {
  const stopping = new AbortController()
  const refused: string[] = []
  let asked = 0
  const writing = (async () => {
    for (let due = performance.now(); !stopping.signal.aborted; due += EVERY_MS) {
      await app.publish(records.write(EVENTS_EACH))
      await delay(Math.max(0, due + EVERY_MS - performance.now()))
    }
  })()
  const reading = (async () => {
    const paths = ['/ledger/checkpoint', '/ledger/proof/inclusion?index=1', '/ledger/producers/records', '/readyz']
    for (; !stopping.signal.aborted; await delay(10)) {
      const path = paths[asked++ % paths.length] as string
      const answer = await app.get(path)
      if (!answer.ok) refused.push(`${path} ${answer.status}`)
      else if (path === '/ledger/checkpoint') refused.push(...(await faultsOf(await answer.text())))
      else await answer.text()
    }
  })()
  const stop = async () => {
    stopping.abort()
    await Promise.all([writing, reading])
    return { refused, asked }
  }
  return { stop }
}

/** A reader who follows the ledger's own entries believes every checkpoint that is served. */
async function faultsOf(note: string): Promise<string[]> {
  const size = Number(note.split('\n')[1])
  const logVkeys = logKeysAt((await governance(size)).keys, size)
  const verdict = verifyCheckpoint(note, { logVkeys }, { sha256, verifyEd25519 })
  return verdict.then(
    () => [],
    (error: Error) => [`checkpoint ${size}: ${error.message}`],
  )
}

async function governance(size: number): Promise<Governance> {
  const { rows } = await database.pool.query<{ first_index: number; controls: Buffer[] }>(
    'SELECT first_index, controls FROM block WHERE cardinality(controls) > 0 AND tree_size <= $1 ORDER BY height',
    [size],
  )
  const entries = rows.flatMap(({ first_index: first, controls }) =>
    controls.map((bytes, i) => ({ index: first + i, entry: parseEntry(bytes) })),
  )
  const [{ entry: genesis } = { entry: null }, ...others] = entries
  const begun = beginGovernance((genesis as { genesis: Parameters<typeof beginGovernance>[0] }).genesis)
  return others.reduce(
    (state, { index, entry }) => ('admin' in entry ? govern(sha256, state, { index, admin: entry.admin }) : state),
    begun,
  )
}

describe('keys', () => {
  it("of the log are rotated under load, and not before the witnesses' quorum believes the new one", async () => {
    const load = underLoad()
    await app.ledger.sealed(1_000)
    const started = performance.now()
    const before = await app.ledger.leafCount()
    await expect(rotateLogKey(administration(1_500), { reason: 'rotated', atOnce: false })).rejects.toMatchObject({
      code: 'not-believed-yet',
    })
    const { vkeys } = await signer.read()
    believed = [...vkeys]
    const rotation = await rotateLogKey(administration(), { reason: 'rotated', atOnce: false })
    expect(rotation).toMatchObject({ added: vkeys[1], retired: vkeys[0] })
    await eventually(async () => (await app.ledger.published()).size > rotation.retiredAt)
    const rate = ((await app.ledger.leafCount()) - before) / ((performance.now() - started) / 1000)
    const { refused, asked } = await load.stop()
    expect(refused).toEqual([])
    expect(asked).toBeGreaterThan(50)
    // Offered are 1,000 a second; a machine with other work seals them later.
    process.stdout.write(`rotated at ${Math.round(rate)} events a second, ${asked} requests\n`)
    expect(rate).toBeGreaterThan(100)
    await app.ledger.sealed(records.events.length)
  })

  it('of a ledger that was rotated are believed as the ledger itself tells', async () => {
    const entries = await app.ledger.entries()
    const { note, size } = await app.ledger.published()
    const whole = { entries: entries.slice(0, size), checkpoint: note }
    const primitives = { sha256, verifyEd25519 }
    expect(await verifyLedger(whole, primitives)).toMatchObject({ ok: true })
    const [old, next] = (await signer.read()).vkeys as [string, string]
    expect(await verifyLedger(whole, { ...primitives, trust: { logVkeys: [next] } })).toMatchObject({ ok: true })
    expect(await verifyLedger(whole, { ...primitives, trust: { logVkeys: [old] } })).toMatchObject({ ok: false })
  })

  it('of a witness change as the ledger tells', async () => {
    const asked = { old: witnessKey(7), next: witnessKey(8), reason: 'stolen' as const }
    await expect(rotateWitnessKey(administration(500), { ...asked, atOnce: false })).rejects.toMatchObject({
      code: 'not-cosigned-yet',
    })
    const { addedAt, retiredAt } = await rotateWitnessKey(administration(), { ...asked, atOnce: true })
    const verifier = new LedgerVerifier(sha256)
    for (const bytes of await app.ledger.entries()) verifier.push(bytes)
    expect(verifier.keys.filter(({ owner }) => owner === 'witness')).toMatchObject([
      { vkey: asked.old, fromSize: 0, untilSize: retiredAt, reason: 'stolen' },
      { vkey: asked.next, fromSize: addedAt + 1, untilSize: null },
    ])
  })

  it('that are named by no operator change nothing', async () => {
    const stranger = { ...administration(), operators: [operators[0]!, newOperator('operator-2')] }
    await expect(rotateLogKey(stranger, { reason: 'rotated', atOnce: true })).rejects.toMatchObject({
      code: 'not-approved',
    })
    expect(
      (await governance((await app.ledger.head()).treeSize)).keys.filter(({ owner }) => owner === 'log'),
    ).toHaveLength(2)
  })
})

const policyOf = (quorum: string) =>
  `log ${signer.vkey}\nwitness w1 ${witnessKey(7)} http://w1.example\nquorum ${quorum}\n`

describe('a policy', () => {
  it('is recorded once, with its number, where anybody can read it', async () => {
    const first = await recordPolicy(administration(), policyOf('none'))
    expect(first.number).toBe(1)
    await expect(recordPolicy(administration(), policyOf('none'))).rejects.toMatchObject({ code: 'policy-recorded' })
    const second = await recordPolicy(administration(), policyOf('w1'))
    expect(second.number).toBe(2)
    const { treeSize } = await app.ledger.head()
    expect((await governance(treeSize)).policy).toEqual({ ...second, policy: policyOf('w1') })
    await expect(recordPolicy(administration(), 'quorum all\n')).rejects.toThrow(/policy line 1/)
    await expect(recordPolicy(administration(), 'quorum none\n')).rejects.toMatchObject({ code: 'not-in-order' })
  })
})

describe('a signer', () => {
  it('goes back for nobody while the database holds all that it signed', async () => {
    await expect(retreatSigner(administration())).rejects.toMatchObject({ code: 'nothing-to-give-up' })
  })
})
