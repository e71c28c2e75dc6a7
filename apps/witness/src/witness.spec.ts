import { formatKeyFile, parseKeyFile, TreeMemory } from '@careseal/cosigner'
import { sha256, utf8 } from '@careseal/crypto'
import {
  COSIGNATURE_V1,
  ED25519,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVkey,
  nothingKnown,
  parseCosignature,
  parseNote,
  signNote,
} from '@careseal/ledger-core'
import { merkleRoot } from '@careseal/merkle'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { Metrics } from './metrics.js'
import { EvidenceStore } from './state/evidence-store.js'
import type { Witnessed } from './state/log-memory.js'
import { originHash } from './state/state-folder.js'
import { Witness } from './witness.js'

const ORIGIN = 'ledger.example.org/one'
const seed = (fill: number) => new Uint8Array(32).fill(fill)
const logKey = parseKeyFile(ED25519, formatKeyFile({ name: ORIGIN, type: ED25519 }, seed(1)))
const ownKey = parseKeyFile(COSIGNATURE_V1, formatKeyFile({ name: 'witness.example', type: COSIGNATURE_V1 }, seed(2)))

const rootOf = (size: number) =>
  merkleRoot(
    sha256,
    Array.from({ length: size }, (_, i) => sha256(Uint8Array.of(i))),
  )

async function request(from: number, size: number): Promise<Uint8Array> {
  const text = formatCheckpoint({ origin: ORIGIN, size, root: rootOf(size) })
  const note = await signNote(text, { ...logKey.vkey, sign: logKey.sign })
  return utf8(formatAddCheckpoint({ oldSize: BigInt(from), proof: [], note }))
}

const timeIn = (note: string) => parseCosignature(parseNote(note).signatures.at(-1)!.signature).timestamp

/** A disk that can be told to refuse, and to be slow. */
const disk = { kept: { ...nothingKnown(sha256), time: 0, note: null } as Witnessed, refuses: false }
const store = {
  read: async () => disk.kept,
  replace: async (next: Witnessed) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (disk.refuses) throw new Error('ENOSPC')
    disk.kept = next
  },
}

describe('the witness', () => {
  let witness: Witness
  let seconds: number
  let lines: string[]

  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'careseal-witness-'))
    Object.assign(disk, { kept: { ...nothingKnown(sha256), time: 0, note: null }, refuses: false })
    ;[seconds, lines] = [1_790_000_000, []]
    const config = { origin: ORIGIN, vkeys: [formatVkey(logKey.vkey)] }
    witness = new Witness({
      keys: [ownKey],
      logs: [{ config, memory: new TreeMemory(store, disk.kept) }],
      evidence: await EvidenceStore.open(folder),
      metrics: new Metrics(),
      log: (_level, message) => lines.push(message),
      now: () => seconds,
    })
    return () => rmSync(folder, { recursive: true })
  })

  const checkpoint = () => witness.checkpoint(originHash(ORIGIN))

  it('answers nothing before its memory is durable, and serves nothing that is not', async () => {
    disk.refuses = true
    await expect(witness.addCheckpoint(await request(0, 5))).rejects.toThrow('ENOSPC')
    expect([witness.isHealthy, await checkpoint(), disk.kept.size]).toEqual([false, null, 0])
    disk.refuses = false
    expect(await witness.addCheckpoint(await request(0, 5))).toMatchObject({ status: 200 })
    expect([witness.isHealthy, disk.kept.size]).toEqual([true, 5])
    disk.refuses = true
    const served = await checkpoint()
    await expect(witness.addCheckpoint(await request(5, 5))).rejects.toThrow('ENOSPC')
    expect(await checkpoint()).toBe(served)
  })

  it('lets its time stand still when the clock goes back, and makes the same lines of the same', async () => {
    await witness.addCheckpoint(await request(0, 5))
    const first = await checkpoint()
    seconds -= 3600
    const again = await witness.addCheckpoint(await request(5, 5))
    expect([await checkpoint(), timeIn(first!)]).toEqual([first, 1_790_000_000])
    expect(again).toMatchObject({ status: 200, lines: first!.split('\n').slice(-2).join('\n') })
    seconds += 7200
    await witness.addCheckpoint(await request(5, 5))
    expect(timeIn((await checkpoint())!)).toBe(1_790_003_600)
  })

  it('never signs at time 0, which would say nothing', async () => {
    seconds = 0
    await witness.addCheckpoint(await request(0, 5))
    expect(timeIn((await checkpoint())!)).toBe(1)
  })
})
