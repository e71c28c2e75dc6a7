import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir, writeConsumers, type DataDir } from '@careseal/stack'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../folder-lock.js'
import { noteRecipients, unacknowledged } from './erasures.js'

const SUBJECT = '00000000-0000-4000-8000-0000000000aa'
const publicNkey = `U${'A'.repeat(55)}`
let dataDir: DataDir
beforeEach(() => {
  dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-erasures-')))
  writeConsumers(dataDir, [
    { name: 'billing', types: ['ConsentGranted'], publicNkey, recipient: false },
    { name: 'registry', types: ['ConsentGranted'], publicNkey, recipient: true },
  ])
})
afterEach(() => rmSync(dataDir.root, { recursive: true }))

describe('the recipients of an erasure', () => {
  it('are written down as long as they have not acknowledged', async () => {
    expect(await noteRecipients(dataDir, SUBJECT)).toEqual(['registry'])
    expect([unacknowledged(dataDir, 'registry'), unacknowledged(dataDir, 'billing')]).toEqual([[SUBJECT], []])
  })

  it('are written beside what another command writes at the same time', async () => {
    const lock = dataDir.path('erasures.json.lock')
    const both = await withLock(lock, { what: 'changing it', waitMs: 0 }, async () => {
      const noted = noteRecipients(dataDir, SUBJECT)
      await new Promise((resolve) => setTimeout(resolve, 100))
      dataDir.writeJson('erasures.json', { other: { registry: null } })
      return { noted }
    })
    await both.noted
    expect(unacknowledged(dataDir, 'registry')).toEqual(['other', SUBJECT])
  })
})
