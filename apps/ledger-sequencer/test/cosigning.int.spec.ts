// A checkpoint is published once the quorum has co-signed, whatever the other witnesses do.
import { sha256 } from '@careseal/crypto'
import { verifyCheckpoint } from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from './ledger-under-test.js'
import { useWitnessedLedger } from './witnessed-ledger.js'
import type { Misbehaviour } from './witness-double.js'
import { verifyEd25519 } from '@careseal/cosigner'

const world = useWitnessedLedger()

async function published() {
  const { note } = await world.ledger.published()
  return verifyCheckpoint(note, { policy: world.policy }, { sha256, verifyEd25519 })
}

const isWhole = async () => (await world.ledger.published()).size === (await world.ledger.head()).treeSize

describe('a checkpoint', () => {
  it('is published with the cosignatures of its witnesses, late ones too', async () => {
    const third = world.witnesses[2]!
    const { deliver } = await world.start()
    third.delayMs = 200
    await deliver(world.records.write(300))
    await world.ledger.sealed(300)
    await eventually(isWhole)
    expect((await published()).cosignatures.length).toBeGreaterThanOrEqual(2)
    await eventually(async () => (await published()).cosignatures.length === 3)
    expect((await published()).size).toBe((await world.ledger.head()).treeSize)
  })

  it.each(['is closed', 'is slow', 'never answers'])('does not wait for a witness that %s', async (how) => {
    const third = world.witnesses[2]!
    const { deliver } = await world.start()
    if (how === 'is closed') await third.close()
    if (how === 'is slow') third.delayMs = 900
    if (how === 'never answers') third.misbehave = () => true
    for (let i = 0; i < 10; i++) await deliver(world.records.write(10))
    const started = performance.now()
    await world.ledger.sealed(100)
    await eventually(isWhole)
    expect(performance.now() - started).toBeLessThan(800)
  })

  it('waits without a quorum, while the ledger goes on committing and signing, and is published after', async () => {
    const { deliver, status } = await world.start()
    const before = await world.ledger.published()
    await Promise.all(world.witnesses.slice(1).map((witness) => witness.close()))
    await deliver(world.records.write(50))
    await world.ledger.sealed(50)
    const { treeSize } = await world.ledger.head()
    await eventually(async () => (await world.ledger.signed()).size === treeSize)
    await delay(100)
    expect((await world.ledger.published()).size).toBe(before.size)
    expect(status.signedSize).toBe(treeSize)
    expect(status.halt).toBeNull()
    await world.witnesses[1]!.open()
    await eventually(isWhole)
    expect((await published()).cosignatures.map(({ witness }) => witness)).toEqual(['w1', 'w2'])
  })

  it('is co-signed again and again without any growth, so that freshness can be demanded', async () => {
    await world.start({ checkpointIdleMs: 20 })
    const asked = world.witnesses[0]!.asked
    const first = (await world.ledger.published()).cosignedAt.getTime()
    await eventually(async () => (await world.ledger.published()).cosignedAt.getTime() > first)
    await eventually(() => world.witnesses[0]!.asked > asked + 3)
    expect((await world.ledger.published()).size).toBe(2)
  })

  it('reaches a witness that was restored to an old state', async () => {
    const [first] = world.witnesses
    const { deliver } = await world.start()
    await deliver(world.records.write(10))
    await eventually(async () => (await published()).cosignatures.length === 3 && (await isWhole()))
    const old = first!.memory
    await deliver(world.records.write(300))
    await world.ledger.sealed(310)
    await eventually(isWhole)
    first!.memory = old
    await world.witnesses[1]!.close()
    await deliver(world.records.write(10))
    await world.ledger.sealed(320)
    await eventually(isWhole)
    expect((await published()).cosignatures.map(({ witness }) => witness)).toContain('w1')
  })
})

const MISBEHAVIOURS: [string, Misbehaviour][] = [
  ['a redirect', (_request, response) => (response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(), true)],
  ['garbage', (_request, response) => (response.writeHead(200).end('\u0000 nothing of use'), true)],
  ['nothing', (_request, response) => (response.writeHead(200).end(), true)],
  ['500', (_request, response) => (response.writeHead(500).end('x'.repeat(100_000)), true)],
  ['409 of another type', (_request, response) => (response.writeHead(409).end('99999\n'), true)],
  ['409 with no number', (_r, response) => (response.writeHead(409, SIZE).end('many\n'), true)],
  ['409 with a size that nobody has seen', (_r, response) => (response.writeHead(409, SIZE).end('99999999\n'), true)],
  [
    '409 with another size each time',
    (_r, response) => (response.writeHead(409, SIZE).end(`${(counter += 1) % 2}\n`), true),
  ],
  ['422 for nothing', (_request, response) => (response.writeHead(422).end(), true)],
  ['a cosignature of somebody else', (_r, response) => (response.writeHead(200).end(STRANGE), true)],
  ['an end of the connection', (request) => (request.destroy(), true)],
  ['a body without end', endless],
]
const SIZE = { 'content-type': 'text/x.tlog.size' }
const STRANGE = `\u2014 w3.example.org ${Buffer.alloc(76, 7).toString('base64')}\n`
let counter = 0

describe('a witness that answers', () => {
  it.each(MISBEHAVIOURS)('%s stops nothing and is believed in nothing', async (_what, misbehave) => {
    const { deliver, status } = await world.start()
    world.witnesses[2]!.misbehave = misbehave
    await deliver(world.records.write(30))
    await world.ledger.sealed(30)
    await eventually(isWhole)
    // The others had their say before it: now its turn is over, too.
    await delay(100)
    expect((await published()).cosignatures.map(({ witness }) => witness)).toEqual(['w1', 'w2'])
    expect(status.halt).toBeNull()
  })

  it('with a time from the future is not counted', async () => {
    const { deliver } = await world.start()
    world.witnesses[2]!.clockSkew = 3_600
    await deliver(world.records.write(30))
    await world.ledger.sealed(30)
    await eventually(isWhole)
    await delay(100)
    expect((await published()).cosignatures.map(({ witness }) => witness)).toEqual(['w1', 'w2'])
  })
})

function endless(_request: Parameters<Misbehaviour>[0], response: Parameters<Misbehaviour>[1]): true {
  response.writeHead(200)
  const timer = setInterval(() => response.write('x'.repeat(1_000)), 1)
  response.on('close', () => clearInterval(timer))
  response.on('error', () => clearInterval(timer))
  return true
}
