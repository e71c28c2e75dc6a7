// A ledger whose tables are lost is put back from the mirror of a witness, by command; and one that cannot go on is
// followed by another, whose genesis names the last checkpoint that witnesses co-signed.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseCheckpoint, parseEntry, parseNote } from '@careseal/ledger-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, caresealOk, temporaryFolder, UP_DEADLINE_MS, type Detached } from '../support/careseal.js'
import { untilMirrored } from '../support/mirrored.js'

const folder = temporaryFolder()
const dataDir = join(folder.path, 'ledger')
const successor = join(folder.path, 'successor')
const exported = join(folder.path, 'export')
const MANY_MS = 3 * UP_DEADLINE_MS
let checkpoint: string

async function up(path: string): Promise<Detached> {
  const args = ['up', '--detach', '--json', '--no-demo', '--port', '0', '--data-dir', path]
  return JSON.parse(await caresealOk(args, { timeoutMs: UP_DEADLINE_MS })) as Detached
}

async function witnessed({ origin }: Detached): Promise<string> {
  for (;;) {
    const note = await (await fetch(`${origin}/ledger/checkpoint`)).text()
    if (parseNote(note).signatures.length > 2) return note
    await delay(200)
  }
}

beforeAll(async () => {
  const running = await up(dataDir)
  checkpoint = await witnessed(running)
  writeFileSync(join(folder.path, 'last.checkpoint'), checkpoint)
  await untilMirrored(dataDir, checkpoint)
  await caresealOk(['ledger', 'export', exported, '--data-dir', dataDir])
  await caresealOk(['down', '--data-dir', dataDir])
}, MANY_MS)
afterAll(async () => {
  for (const path of [dataDir, successor]) await careseal(['down', '--data-dir', path])
  folder.remove()
}, MANY_MS)

describe('a ledger that is stopped', () => {
  it(
    'is what it was after a recovery from an export that lacks its entries',
    async () => {
      rmSync(join(exported, 'tile', 'entries'), { recursive: true })
      const refused = await careseal(['ledger', 'recover', '--from', exported, '--data-dir', dataDir])
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is not all there') })
      await up(dataDir)
      await caresealOk(['down', '--data-dir', dataDir])
    },
    MANY_MS,
  )

  it(
    'is put back from the mirror of its first witness, and goes on',
    async () => {
      const before = parseCheckpoint(parseNote(checkpoint).text)
      const report = JSON.parse(await caresealOk(['ledger', 'recover', '--json', '--data-dir', dataDir]))
      expect(report).toMatchObject({ origin: before.origin, contradiction: null })
      expect(report.treeSize).toBeGreaterThanOrEqual(before.size)
      expect(report.setAside).toMatch(/^ledger_before_\d+$/)
      await up(dataDir)
      const policy = join(dataDir, 'policy.txt')
      expect(await caresealOk(['verify', '--policy', policy, '--data-dir', dataDir])).toContain('verified')
      expect((await careseal(['ledger', 'recover', '--data-dir', dataDir])).stderr).toContain(
        'stop it with careseal down',
      )
    },
    MANY_MS,
  )

  it(
    'is followed by another, whose genesis names its last witnessed checkpoint',
    async () => {
      const file = join(folder.path, 'last.checkpoint')
      const policy = join(dataDir, 'policy.txt')
      const init = ['ledger', 'init', '--successor-of', file, '--policy', policy, '--data-dir', successor]
      await caresealOk(init)
      const genesis = parseEntry(readFileSync(join(successor, 'signer', 'genesis.json')))
      expect(genesis).toMatchObject({ genesis: { previous: checkpoint } })
      const again = await careseal(init)
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('holds a ledger already')])
      const running = await up(successor)
      expect(parseCheckpoint(parseNote(await witnessed(running)).text).origin).not.toBe(
        parseCheckpoint(parseNote(checkpoint).text).origin,
      )
    },
    MANY_MS,
  )

  it('has no successor by a checkpoint that its witnesses have not co-signed', async () => {
    const file = join(folder.path, 'unwitnessed.checkpoint')
    const [text, signatures = ''] = checkpoint.split('\n\n')
    writeFileSync(file, `${text}\n\n${signatures.split('\n')[0]}\n`)
    const policy = join(dataDir, 'policy.txt')
    const args = ['ledger', 'init', '--successor-of', file, '--policy', policy, '--data-dir', join(folder.path, 'none')]
    expect(await careseal(args)).toMatchObject({ code: 3, stderr: expect.stringContaining('quorum-not-met') })
  })
})
