import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Evidence } from '@careseal/ledger-core'
import { beforeEach, describe, expect, it } from 'vitest'
import { EvidenceStore, FILES_OF_A_LOG_MAX } from '../src/state/evidence-store.js'
import { TestLog } from './test-log.js'

const liar = new TestLog('ledger.example.org/liar')
const other = new TestLog('ledger.example.org/other', 2)

async function evidence(log: TestLog, salt: number): Promise<Evidence> {
  const notes: [string, string] = [await log.checkpoint({ size: 3 }), await log.checkpoint({ size: 3, salt })]
  return { kind: 'A', logKey: log.vkey, notes }
}

describe('the evidence that a witness keeps', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'careseal-evidence-'))
    return () => rmSync(folder, { recursive: true })
  })

  it('is bounded for each log, so one that lies often silences nothing against another', async () => {
    const store = await EvidenceStore.open(folder)
    for (let salt = 1; salt <= FILES_OF_A_LOG_MAX; salt++)
      expect(await store.add(await evidence(liar, salt))).toMatch(/^[0-9a-f]{64}$/)
    expect(await store.add(await evidence(liar, FILES_OF_A_LOG_MAX + 1))).toBeNull()
    const id = await store.add(await evidence(other, 1))
    expect(await store.read(id!)).toContain(other.origin)
    expect(await store.add(await evidence(liar, 1))).not.toBeNull()
    expect(readdirSync(folder)).toHaveLength(FILES_OF_A_LOG_MAX + 1)
    const again = await EvidenceStore.open(folder)
    expect(await again.add(await evidence(liar, FILES_OF_A_LOG_MAX + 1))).toBeNull()
  })

  it('has an id for nothing that is not stored', async () => {
    const store = await EvidenceStore.open(folder)
    const found: (string | null)[] = []
    for (let salt = 1; salt <= FILES_OF_A_LOG_MAX + 2; salt++) {
      const id = await store.add(await evidence(liar, salt))
      found.push(id === null ? 'refused' : await store.read(id))
    }
    expect(found).not.toContain(null)
    expect(found.filter((one) => one === 'refused')).toHaveLength(2)
    expect(store.count).toBe(FILES_OF_A_LOG_MAX)
  })
})
