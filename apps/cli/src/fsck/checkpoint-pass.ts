// The published checkpoint is signed by the log's key and is a root that the blocks really had.
import { createPublicKey, verify } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { LedgerFacts } from './ledger-pass.js'
import { Check } from './report.js'

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

export type CheckpointInput = {
  sql: ClientBase
  facts: LedgerFacts
  origin: string
  /** `<name>+<key id>+<base64 of type and key>`, as the log publishes it. */
  vkeys: readonly string[]
}

export async function checkpointPass({ sql, facts, origin, vkeys }: CheckpointInput): Promise<Check> {
  const check = new Check('the published checkpoint is signed and true', ['I5', 'I8'])
  const { rows } = await sql.query<{ size: string; root: Buffer; note: string }>(
    'SELECT size, root, note FROM ledger.published',
  )
  for (const row of rows) {
    check.checked += 1
    const where = `checkpoint ${row.size}`
    const say = (what: string) => () => ({ invariant: 'I5', what, where })
    const [line, size, root] = row.note.split('\n')
    check.expect(line === origin && size === row.size, say('it is of another log or another size'))
    check.expect(root === row.root.toString('base64'), say('its root is not the one beside it'))
    check.expect(facts.rootAt.get(Number(row.size)) === row.root.toString('hex'), say('no block ends in its root'))
    check.expect(vkeys.length > 0 && vkeys.every((vkey) => isSigned(row.note, vkey)), say('its signature is not good'))
  }
  return check
}

function isSigned(note: string, vkey: string): boolean {
  const end = note.lastIndexOf('\n\n')
  const [text, lines] = [note.slice(0, end + 1), note.slice(end + 2).split('\n')]
  const [name, keyId] = vkey.split('+', 2) as [string, string]
  const key = Buffer.from(vkey.slice(name.length + keyId.length + 2), 'base64').subarray(1)
  const publicKey = createPublicKey({ key: Buffer.concat([ED25519_SPKI, key]), format: 'der', type: 'spki' })
  return lines.some((line) => {
    const [dash, signer, blob] = line.split(' ')
    if (dash !== '\u2014' || signer !== name || blob === undefined) return false
    const bytes = Buffer.from(blob, 'base64')
    if (bytes.subarray(0, 4).toString('hex') !== keyId) return false
    return verify(null, Buffer.from(text), publicKey, bytes.subarray(4))
  })
}
