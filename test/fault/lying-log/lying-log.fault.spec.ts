// Every lie that a log can tell is caught: by the witness that saw another history before, with evidence that anybody can
// check where evidence is possible, or by whoever verifies the entries.
import { sha256 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import { parseEvidence, verifyEvidence, verifyLedger, type VerifiedState } from '@careseal/ledger-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { honestBlocks, leavesFrom, LyingLog, type Told, type ToldBlock } from './lying-log.js'
import { WitnessProcess } from './witness-process.js'

const PRIMITIVES = { sha256, verifyEd25519 }
const blocks = honestBlocks(6)
const LAST = blocks.length - 1
const OTHER: ToldBlock = { leaves: leavesFrom(6, 5, 'another story'), time: blocks[1]!.time }
const GROWN: ToldBlock = { leaves: leavesFrom(31, 5), time: blocks[LAST]!.time + 1 }

/** The same blocks, but for the one at `place`. */
function retold(place: number, change: (block: ToldBlock) => ToldBlock): ToldBlock[] {
  return blocks.map((block, at) => (at === place ? change(block) : block))
}

function swapped(one: number, two: number): (entries: Uint8Array[]) => Uint8Array[] {
  return (entries) => {
    const told = [...entries]
    told[one] = entries[two] as Uint8Array
    told[two] = entries[one] as Uint8Array
    return told
  }
}

describe('a witness that has seen the true history', () => {
  const logs = Array.from({ length: 8 }, (_, i) => new LyingLog(`ledger.example.org/liar-${i + 1}`))
  const unused = [...logs]
  let witness: WitnessProcess

  beforeAll(async () => {
    witness = await WitnessProcess.start(logs.map(({ origin, vkey }) => ({ origin, vkeys: [vkey] })))
  }, 240_000)
  afterAll(() => witness.stop())

  /** A log of which the witness has co-signed the true history. */
  async function witnessed() {
    const log = unused.shift() as LyingLog
    const honest = log.tell(blocks)
    expect((await witness.addCheckpoint(await honest.request(0))).status).toBe(200)
    return { log, honest }
  }

  /** Kinds of the evidence that the witness shows, each of which anybody can check. */
  async function proven({ origin }: LyingLog): Promise<string[]> {
    const verdicts = (await witness.evidence(origin)).map(async (file) => {
      const verdict = await verifyEvidence(parseEvidence(file), PRIMITIVES)
      return verdict.proves ? verdict.kind : 'nothing'
    })
    return Promise.all(verdicts)
  }

  it('co-signs a log that tells no lie as it grows', async () => {
    const { log, honest } = await witnessed()
    const grown = log.tell([...blocks, GROWN])
    expect((await witness.addCheckpoint(await grown.request(honest.size))).status).toBe(200)
    expect(await proven(log)).toEqual([])
  })

  it('has evidence of a fork at the same size: two notes', async () => {
    const { log, honest } = await witnessed()
    const forked = log.tell(retold(1, () => OTHER))
    expect(forked.size).toBe(honest.size)
    expect((await witness.addCheckpoint(await forked.request(honest.size))).status).toBe(422)
    expect(await proven(log)).toEqual(['A'])
  })

  it('has evidence of a fork that has grown: two notes and a path', async () => {
    const { log, honest } = await witnessed()
    const larger = log.tell([...retold(1, () => OTHER), GROWN])
    expect((await witness.addCheckpoint(await larger.request(honest.size))).status).toBe(422)
    expect(await proven(log)).toEqual(['B'])
  })

  it.each<[string, (block: ToldBlock) => ToldBlock]>([
    ['drops leaves', (block) => ({ ...block, leaves: block.leaves.filter(({ producer }) => producer === 'records') })],
    ['reorders leaves', (block) => ({ ...block, leaves: block.leaves.toReversed() })],
    ['backdates a block', (block) => ({ ...block, time: block.time - 3_600 })],
  ])('does not co-sign a log that %s in its past, and can prove it', async (_lie, change) => {
    const { log, honest } = await witnessed()
    const lie = log.tell([...retold(1, change), GROWN, { ...GROWN, leaves: leavesFrom(36, 5) }])
    expect(lie.size).toBeGreaterThan(honest.size)
    expect((await witness.addCheckpoint(await lie.request(honest.size))).status).toBe(422)
    expect(await proven(log)).toEqual(['B'])
  })

  it('does not co-sign a log that rolls back, and tells how far it had been', async () => {
    const { honest } = await witnessed()
    const answer = await witness.addCheckpoint(await honest.request(0, 13))
    expect([answer.status, await answer.text()]).toEqual([409, `${honest.size}\n`])
  })

  it('has evidence once a log that rolled back tells another history from there', async () => {
    const { log } = await witnessed()
    const again = log.tell(retold(1, () => OTHER))
    expect((await witness.addCheckpoint(await again.request(13))).status).toBe(409)
    expect(await proven(log)).toEqual(['A'])
  })
})

describe('whoever verifies the entries', () => {
  const log = new LyingLog('ledger.example.org/liar')

  async function verdictOn(told: Told, from?: VerifiedState) {
    const entries = from ? told.entries.slice(from.treeSize) : told.entries
    const source = { entries, checkpoint: await told.checkpoint() }
    return verifyLedger(source, { ...PRIMITIVES, trust: { logVkeys: [log.vkey] }, ...(from ? { from } : {}) })
  }

  async function verified(told: Told): Promise<VerifiedState> {
    const verdict = await verdictOn(told)
    if (!verdict.ok) throw new Error(`a true history does not verify: ${verdict.fault.code}`)
    return verdict.state
  }

  const inLast = (change: (block: ToldBlock) => ToldBlock) => log.tell(retold(LAST, change))

  it.each<[string, Told, string]>([
    [
      'drops a leaf',
      inLast((block) => ({ ...block, leaves: block.leaves.filter((_, place) => place !== 2) })),
      'sequence-broken',
    ],
    [
      'reorders a producer’s leaves',
      inLast((block) => ({ ...block, leaves: [block.leaves[1]!, block.leaves[0]!, ...block.leaves.slice(2)] })),
      'sequence-broken',
    ],
    ['backdates a block', inLast((block) => ({ ...block, time: block.time - 3_600 })), 'time-went-back'],
    ['swaps two headers', log.tell(blocks, swapped(12, 23)), 'height-wrong'],
    ['swaps two leaves of different producers', log.tell(blocks, swapped(2, 8)), 'sequence-broken'],
    ['repeats a block', log.tell([...blocks, blocks[LAST]!]), 'sequence-broken'],
  ])('finds a log that %s before anybody has seen the truth', async (_lie, told, fault) => {
    expect(await verdictOn(told)).toMatchObject({ ok: false, fault: { code: fault } })
  })

  it('finds a log that rolls back behind what was verified before', async () => {
    const before = await verified(log.tell(blocks))
    const fault = { code: 'checkpoint-behind-state' }
    expect(await verdictOn(log.tell(blocks.slice(0, 3)), before)).toMatchObject({ ok: false, fault })
  })

  it('finds a log that forks behind what was verified before', async () => {
    const before = await verified(log.tell(blocks.slice(0, 4)))
    expect(await verdictOn(log.tell(retold(1, () => OTHER)), before)).toMatchObject({ ok: false })
  })
})
