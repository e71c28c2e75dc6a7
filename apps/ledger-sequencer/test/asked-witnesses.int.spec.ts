// Those who administer a ledger ask its witnesses where the policy says that they are.
import { sha256 } from '@careseal/crypto'
import { formatCheckpoint, parsePolicy, signNote } from '@careseal/ledger-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressesOf } from '../src/cosigning/witness-policy.js'
import { believesKey, seenBy } from '../src/administration/witnesses.js'
import { formatLogKey, parseLogKey } from '../src/signer/log-key.js'
import { ORIGIN } from './raw-block.js'
import { WitnessDouble } from './witness-double.js'

const log = parseLogKey(formatLogKey(ORIGIN, new Uint8Array(32).fill(7)))
const known = { size: 9, root: new Uint8Array(32).fill(3) }
let witness: WitnessDouble
let note: string

beforeEach(async () => {
  witness = await WitnessDouble.start('w1', 11, log.vkey)
  note = await signNote(formatCheckpoint({ origin: ORIGIN, ...known }), log.signer)
  witness.memory = { known, note }
})
afterEach(() => witness.close())

function addressOf(url: string) {
  const [address] = addressesOf(parsePolicy(sha256, `witness w1 ${witness.vkey} ${url}\nquorum w1`))
  return address!
}

describe.each(['', '/'])('a witness whose URL ends in %j', (end) => {
  it('is asked what it has seen', async () => {
    const asked = { origin: ORIGIN, logVkeys: [log.vkey] }
    expect(await seenBy(addressOf(`${witness.url}${end}`), asked)).toEqual(known)
  })

  it('is asked which key it believes', async () => {
    const asked = { note, size: known.size, vkey: log.vkey }
    expect(await believesKey(addressOf(`${witness.url}${end}`), asked)).toBe(true)
    witness.believes = []
    expect(await believesKey(addressOf(`${witness.url}${end}`), asked)).toBe(false)
  })
})
