import { parseAddCheckpoint, parseEvidence, signNote, verifyEvidence } from '@careseal/ledger-core'
import { beforeEach, describe, expect, it } from 'vitest'
import { primitives, TestLog } from './test-log.js'
import { WitnessUnderTest } from './witness-under-test.js'

// Generous: processes start slowly where much else runs.
const LONG = { timeout: 120_000 }

const log = new TestLog('ledger.example.org/one')

type Listed = { evidence: { id: string; kind: string; origin: string; logKey: string; sizes: number[] }[] }

/** The metric's name and labels. */
function refusals(origin: string, code: string): string {
  return `witness_refused_checkpoints_total{origin="${origin}",code="${code}"}`
}

describe('a witness that a log lies to', LONG, () => {
  let witness: WitnessUnderTest

  beforeEach(async () => {
    witness = new WitnessUnderTest({ logs: [{ origin: log.origin, vkeys: [log.vkey] }] })
    await witness.init()
    await witness.start()
    return () => witness.remove()
  })

  const tell = async (asked: Parameters<TestLog['request']>[0]) => witness.addCheckpoint(await log.request(asked))
  const listed = async () => (JSON.parse((await witness.get('/evidence')).body) as Listed).evidence

  async function provenBy(id: string) {
    const { body, status, headers } = await witness.get(`/evidence/${id}`)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toContain('immutable')
    return verifyEvidence(parseEvidence(body), primitives)
  }

  it('keeps two roots of one size as evidence of kind A, durably, and serves it', async () => {
    await tell({ size: 9 })
    expect(await tell({ from: 9, size: 9, salt: 1 })).toMatchObject({ status: 422 })
    const [found, ...more] = await listed()
    expect(more).toEqual([])
    expect(found).toMatchObject({ kind: 'A', origin: log.origin, logKey: log.vkey, sizes: [9, 9] })
    expect(await provenBy(found!.id)).toMatchObject({ proves: true, kind: 'A' })
    await witness.end('SIGKILL')
    await witness.start()
    expect(await listed()).toEqual([found])
    expect(await provenBy(found!.id)).toMatchObject({ proves: true })
    expect(witness.lines.length).toBeGreaterThan(0)
  })

  it('keeps it also when the old size is another than it knows, and once only', async () => {
    await tell({ size: 9 })
    expect(await tell({ size: 9, salt: 1 })).toMatchObject({ status: 409 })
    expect(await tell({ size: 9, salt: 1 })).toMatchObject({ status: 409 })
    expect(await listed()).toHaveLength(1)
  })

  it('keeps a larger tree whose proof leads to another root as evidence of kind B', async () => {
    await tell({ size: 9 })
    expect(await tell({ from: 9, size: 20, salt: 1 })).toMatchObject({ status: 422 })
    const [found] = await listed()
    expect(found).toMatchObject({ kind: 'B', sizes: [9, 20] })
    expect(await provenBy(found!.id)).toMatchObject({ proves: true, kind: 'B' })
    const { body } = await witness.get('/metrics')
    expect(body).toContain('witness_evidence 1')
    expect(witness.lines.at(-1)).toMatchObject({ alarm: true, kind: 'B', evidence: found!.id })
  })

  it('makes of what proves nothing a report and an alarm, and no evidence', async () => {
    await tell({ size: 8 })
    expect(await tell({ from: 8, size: 20, salt: 1 })).toMatchObject({ status: 422 })
    expect(await tell({ from: 8, size: 20, proof: [] })).toMatchObject({ status: 422 })
    expect(await listed()).toEqual([])
    const { body } = await witness.get('/metrics')
    expect(body).toContain(`witness_refused_checkpoints_total{origin="${log.origin}",code="inconsistent"} 2`)
    expect(witness.lines.at(-1)).toMatchObject({ level: 'warn', alarm: true, code: 'inconsistent' })
    expect(witness.lines.at(-1)?.['refused']).toContain(`${log.origin}\n20\n`)
  })

  it('reports whatever else the log itself signed and it refused', async () => {
    const { note } = parseAddCheckpoint(await log.request({ size: 0 }))
    const text = `${log.origin}\n0\n${Buffer.alloc(32, 1).toString('base64')}\n`
    expect(note).toContain('\n0\n')
    const wrongEmpty = `old 0\n\n${await signNote(text, log.signer)}`
    expect(await witness.addCheckpoint(wrongEmpty)).toMatchObject({ status: 422 })
    await tell({ size: 9 })
    expect(await tell({ from: 9, size: 9, proof: [log.root(3)] })).toMatchObject({ status: 422 })
    expect(await tell({ from: 20, size: 9 })).toMatchObject({ status: 400 })
    expect(await tell({ size: 5, salt: 1 })).toMatchObject({ status: 409 })
    const { body } = await witness.get('/metrics')
    for (const code of ['empty-tree-has-root', 'proof-not-empty', 'old-size-beyond-size', 'size-conflict'])
      expect(body).toContain(`${refusals(log.origin, code)} 1`)
    expect(witness.lines.at(-1)).toMatchObject({ level: 'warn', alarm: true, code: 'size-conflict' })
    expect(witness.lines.at(-1)?.['refused']).toContain(`${log.origin}\n5\n`)
  })

  it('reports nothing of an honest log that is merely behind', async () => {
    await tell({ size: 5 })
    await tell({ from: 5, size: 9 })
    for (const behind of [{ size: 12 }, { size: 9 }, { from: 0, size: 5 }, { size: 0 }])
      expect(await tell(behind)).toMatchObject({ status: 409 })
    const { body } = await witness.get('/metrics')
    expect(body).not.toMatch(/witness_refused_checkpoints_total\{/)
    expect(await tell({ size: 5, salt: 1 })).toMatchObject({ status: 409 })
    expect(await listed()).toMatchObject([{ kind: 'A', sizes: [5, 5] }])
  })

  it('counts each, and tells so many of them a minute', async () => {
    await tell({ size: 8 })
    for (let i = 0; i < 40; i++) await tell({ from: 8, size: 20, proof: [] })
    const { body } = await witness.get('/metrics')
    expect(body).toContain(`${refusals(log.origin, 'inconsistent')} 40`)
    const told = witness.lines.filter(({ alarm }) => alarm).length
    expect(told).toBeGreaterThanOrEqual(30)
    expect(told).toBeLessThan(40)
  })

  it('keeps nothing of what no key of the log has signed', async () => {
    await tell({ size: 9 })
    const forged = new TestLog(log.origin, 7)
    expect(await witness.addCheckpoint(await forged.request({ from: 9, size: 9, salt: 1 }))).toMatchObject({
      status: 403,
    })
    expect(await listed()).toEqual([])
    expect(await witness.get(`/evidence/${'0'.repeat(64)}`)).toMatchObject({ status: 404 })
  })
})
