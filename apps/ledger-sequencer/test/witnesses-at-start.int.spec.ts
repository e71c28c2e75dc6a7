// Before the first signature of an epoch so many witnesses have spoken that whatever was published was seen by one of
// them; and what they show of the log's own signatures decides whether this ledger may go on.
import { sha256 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import { verifyCheckpoint } from '@careseal/ledger-core'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from './ledger-under-test.js'
import { useWitnessedLedger } from './witnessed-ledger.js'

const world = useWitnessedLedger()
const NEVER = 3_600_000
const primitives = { sha256, verifyEd25519 }

async function unchangedSince<T>(work: () => Promise<T>) {
  const state = await readFile(`${world.ledger.dir}/signer-state.json`, 'utf8')
  const head = await world.ledger.head()
  const result = await work()
  expect(await readFile(`${world.ledger.dir}/signer-state.json`, 'utf8')).toBe(state)
  const { height, treeSize } = await world.ledger.head()
  expect({ height, treeSize }).toEqual({ height: head.height, treeSize: head.treeSize })
  return result
}

/** The signer goes back to before a rotation; the database holds it, and has lost what was published. */
async function forgottenRotation({ isRetired }: { isRetired: boolean }) {
  await world.grow(20)
  await world.backUpMachine()
  const run = await world.start()
  const rotated = await world.rotateLogKey(run, { isRetired })
  for (const witness of world.witnesses) witness.believes.push(rotated.newKey)
  await run.deliver(world.records.write(20))
  await run.sequencer.stop()
  expect((await world.ledger.published()).size).toBe((await world.ledger.head()).treeSize)
  await world.restoreSigner()
  await world.database.tamper(`UPDATE published SET size = 2, note = 'lost'`)
  return rotated
}

describe('at start', () => {
  it('a machine that was restored as a whole is found out by its witnesses: nothing is appended, nothing signed', async () => {
    const { deliver: more, sequencer } = await world.start({ checkpointIntervalMs: NEVER })
    await more(world.records.write(20))
    await world.ledger.sealed(20)
    // Committed and not signed yet: what a start would sign first.
    await world.backUpMachine()
    await more(world.records.write(20))
    await sequencer.stop()
    await world.restoreMachine()
    await unchangedSince(async () => {
      const { status, deliver, published } = await world.start()
      expect(status.halt?.code).toBe('rollback-detected')
      expect(status.halt?.detail).toMatch(/witness w\d shows: size \d+ was signed, the database holds only \d+/)
      await deliver(world.records.write(5))
      await delay(100)
      expect(published).toEqual([])
    })
  })

  it('a ledger waits until n − k + 1 of n witnesses have answered, and tells for whom', async () => {
    await world.grow(20)
    const [first, second, third] = world.witnesses
    await Promise.all([second!.close(), third!.close()])
    const run = await unchangedSince(async () => {
      const begun = world.begin()
      await eventually(() => begun.status.waitingFor.length > 0)
      await delay(300)
      expect(begun.status.waitingFor).toEqual(['w2', 'w3'])
      expect(() => begun.status.requireConfirmed()).toThrow('waiting for witnesses: w2, w3')
      expect(begun.status.confirmed).toBe(false)
      return begun
    })
    expect(first!.asked).toBeGreaterThan(0)
    await third!.open()
    await run.started
    expect(run.status.confirmed).toBe(true)
    expect(run.status.waitingFor).toEqual([])
    await run.deliver(world.records.write(20))
    await world.ledger.sealed(40)
  })

  it('a new ledger waits as well, for somebody may have seen it before', async () => {
    await Promise.all(world.witnesses.slice(1).map((witness) => witness.close()))
    const run = world.begin()
    await eventually(() => run.status.waitingFor.length > 0)
    expect((await world.ledger.signed()).size).toBe(0)
    await world.witnesses[1]!.open()
    await run.started
    expect((await world.ledger.signed()).size).toBe(2)
  })

  it('a ledger whose signer remembers nothing stops when witnesses have seen more than its database holds', async () => {
    await world.backUpMachine()
    await world.grow(20)
    await world.restoreMachine()
    const { status } = await unchangedSince(() => world.start())
    expect(status.halt?.code).toBe('rollback-detected')
  })

  it('a signer that was restored alone is reminded by a witness of what the database still holds', async () => {
    await world.grow(20)
    await world.backUpMachine()
    await world.grow(20)
    const { note, size } = await world.ledger.published()
    await world.restoreSigner()
    await world.database.tamper(`UPDATE published SET size = 2, note = 'lost'`)
    const { status } = await world.start()
    expect(status.halt).toBeNull()
    expect((await world.ledger.signed()).size).toBe(size)
    const [text] = note.split('\n\n')
    expect((await world.ledger.published()).note).toContain(text)
  })

  it('a size beyond a rotation is signed again by the keys that are valid there, so witnesses co-sign it', async () => {
    const { newKey } = await forgottenRotation({ isRetired: true })
    for (const witness of world.witnesses) witness.believes = [newKey]
    const { treeSize } = await world.ledger.head()
    const { status, started } = world.begin()
    await eventually(() => status.confirmed)
    await started
    const { note, size } = await world.ledger.published()
    expect(size).toBe(treeSize)
    await expect(verifyCheckpoint(note, { logVkeys: [newKey] }, primitives)).resolves.toMatchObject({ size })
    await expect(verifyCheckpoint(note, { logVkeys: [world.logKey.vkey] }, primitives)).rejects.toMatchObject({
      name: 'CheckpointRefused',
    })
  })

  it('a key that was not restored with the signer is named and waited for', async () => {
    const { newKey, keyFile } = await forgottenRotation({ isRetired: false })
    const text = await readFile(keyFile)
    await rm(keyFile)
    const { status, started, fatal } = world.begin()
    await eventually(() => status.signerSilence !== null)
    expect(status.signerSilence?.detail).toContain('the signer lacks a key that the ledger names')
    expect(status.signerSilence?.detail).toContain(newKey)
    expect(status.halt).toBeNull()
    await writeFile(keyFile, text)
    await started
    expect(status.confirmed).toBe(true)
    expect(fatal).toEqual([])
  })

  it('a signer without a key that its last size needs is waited for', async () => {
    const run = await world.start()
    const { newKey, keyFile } = await world.rotateLogKey(run, { isRetired: true })
    for (const witness of world.witnesses) witness.believes = [newKey]
    await run.deliver(world.records.write(20))
    await run.sequencer.stop()
    await rename(keyFile, `${world.ledger.dir}/kept-elsewhere`)
    const again = world.begin()
    await eventually(() => again.status.signerSilence !== null)
    expect(again.status.signerSilence?.detail).toContain(newKey)
    await rename(`${world.ledger.dir}/kept-elsewhere`, keyFile)
    await again.started
    expect(again.status.confirmed).toBe(true)
  })

  it('a key that the ledger has named since the last signature is waited for before anything is appended', async () => {
    const run = await world.start({ checkpointIntervalMs: NEVER })
    const { newKey, keyFile } = await world.rotateLogKey(run, { isRetired: false })
    await world.database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY((SELECT backend_pids FROM lease)::int[])`,
    )
    await eventually(() => run.fatal.length > 0)
    await rename(keyFile, `${world.ledger.dir}/kept-elsewhere`)
    const again = world.begin()
    await eventually(() => again.status.signerSilence !== null || again.status.confirmed)
    expect(again.status.signerSilence?.detail).toContain(newKey)
    expect(again.status.confirmed).toBe(false)
    await rename(`${world.ledger.dir}/kept-elsewhere`, keyFile)
    await again.started
    expect(again.status.confirmed).toBe(true)
  })

  it('a witness that shows another history under the log’s own signature stops the ledger', async () => {
    await world.grow(20)
    const { size } = await world.ledger.published()
    for (const witness of world.witnesses) {
      const root = new Uint8Array(32).fill(1)
      witness.memory = { known: { size, root }, note: await world.noteOf(size, root) }
    }
    const { status } = await unchangedSince(() => world.start())
    expect(status.halt).toMatchObject({ code: 'rollback-detected' })
    expect(status.halt?.detail).toContain('another root was signed')
  })

  it('a witness that claims another history and cannot show it only counts as silent', async () => {
    await world.grow(20)
    world.witnesses[0]!.misbehave = ({ method }, response) => {
      if (method === 'POST') response.writeHead(422).end()
      else response.writeHead(200).end('a note of nobody\n\n\u2014 nobody AAAAAAAA\n')
      return true
    }
    const { status } = await world.start()
    expect(status.halt).toBeNull()
    expect(status.confirmed).toBe(true)
  })
})

describe('a running ledger', () => {
  it('stops as soon as a witness shows what the log’s key has signed beside its history', async () => {
    const { status, deliver } = await world.start()
    await deliver(world.records.write(20))
    await world.ledger.sealed(20)
    const root = new Uint8Array(32).fill(1)
    world.witnesses[2]!.memory = { known: { size: 5_000, root }, note: await world.noteOf(5_000, root) }
    await deliver(world.records.write(20))
    await eventually(() => status.halt !== null)
    expect(status.halt?.code).toBe('rollback-detected')
  })
})
