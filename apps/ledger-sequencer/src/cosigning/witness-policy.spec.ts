import { sha256 } from '@careseal/crypto'
import { COSIGNATURE_V1, ED25519, formatVkey, ML_DSA_44, vkeyOf } from '@careseal/ledger-core'
import { loadConfig } from '@careseal/service-kit'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { config } from '../config.js'

const vkey = (name: string, type: number, fill: number, bytes = 32) =>
  formatVkey(vkeyOf(sha256, { name, type, publicKey: new Uint8Array(bytes).fill(fill) }))
const ORIGIN = 'ledger.example.org/1'
const log = `log ${vkey(ORIGIN, ED25519, 1)}`
const witness = (i: number, url = `http://w${i}.example.org/a/`) =>
  `witness w${i} ${vkey(`w${i}.example.org`, COSIGNATURE_V1, 10 + i)} ${url}`
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-policy-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(policy: string[] | null, more: Record<string, string> = {}) {
  const file = join(folder, 'policy')
  if (policy) writeFileSync(file, policy.join('\n'))
  const environment = {
    PORT: '0',
    METRICS_PORT: '0',
    NATS_URL: 'nats://127.0.0.1:4222',
    LEDGER_ORIGIN: ORIGIN,
    DATABASE_URL: 'postgres://ledger@127.0.0.1/careseal',
    SIGNER_STATE_DIR: folder,
    ...(policy ? { LEDGER_POLICY_FILE: file } : {}),
    ...more,
  }
  try {
    return { policy: loadConfig(config, environment).LEDGER_POLICY_FILE, faults: [] }
  } catch (error) {
    return { policy: null, faults: (error as { faults: { variable: string; problem: string }[] }).faults }
  }
}

describe('the policy of the sequencer', () => {
  it('is none without a file: nobody has to co-sign', () => {
    expect(load(null).policy).toMatchObject({ quorum: null, witnesses: [] })
  })

  it('is read from a file', () => {
    const { policy } = load([log, witness(1), witness(2), 'group both all w1 w2', 'quorum both'])
    expect(policy).toMatchObject({ quorum: 'both', witnesses: [{ name: 'w1' }, { name: 'w2' }] })
  })

  it.each<[string[], string[]]>([
    [[log, 'quorum w1'], ['policy line 2: a quorum that no earlier line defines']],
    [[witness(1, ''), 'quorum w1'], ['witness w1 has no http(s) URL at which it can be asked']],
    [[witness(1, 'ftp://w1.example.org'), 'quorum w1'], ['witness w1 has no http(s) URL at which it can be asked']],
    [
      [`witness w1 ${vkey('w1.example.org', ML_DSA_44, 1, 1312)} nowhere`, witness(2, 'nowhere'), 'quorum w1'],
      [
        'witness w1 has no http(s) URL at which it can be asked',
        'witness w1 has a key of which no cosignature can be verified here',
        'witness w2 has no http(s) URL at which it can be asked',
      ],
    ],
    [[`log ${vkey('another.example.org', ED25519, 1)}`, 'quorum none'], ['its logs do not name LEDGER_ORIGIN']],
  ])('is refused with all its faults: %j', (lines, problems) => {
    const { faults } = load(lines)
    expect(faults.map(({ problem }) => problem)).toEqual(problems)
    expect(new Set(faults.map(({ variable }) => variable))).toEqual(new Set(['LEDGER_POLICY_FILE']))
  })

  it('is refused when its file cannot be read', () => {
    const { faults } = load(null, { LEDGER_POLICY_FILE: join(folder, 'nowhere') })
    expect(faults.map(({ problem }) => problem)).toEqual(['the file cannot be read (ENOENT)'])
  })
})
