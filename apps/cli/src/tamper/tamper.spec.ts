import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir } from '@careseal/stack'
import { expect, it } from 'vitest'
import { tamper, tamperings, type Tampering } from './tamper.js'

const EARLIER: Tampering = {
  target: 'record',
  table: 'records.version',
  column: 'ciphertext',
  key: { version_id: '7' },
  offset: 3,
  before: 'AAAA',
  described: 'Observation/1/_history/7: one bit of its ciphertext',
}

it('nothing is changed while an earlier change was not put back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-tamper-'))
  const dataDir = openDataDir(folder)
  dataDir.writeJson('tampered.json', [EARLIER])
  await expect(tamper(dataDir, 'postgres://127.0.0.1:1/careseal', 'entry')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/Observation\/1\/_history\/7.*careseal demo restore/),
  })
  expect(tamperings(dataDir)).toEqual([EARLIER])
  rmSync(folder, { recursive: true })
})
