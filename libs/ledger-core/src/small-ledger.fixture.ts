// A ledger of four blocks with everything in it, and ways to tamper with it.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { base64, fromHex, hex, sha256, utf8, type JsonValue } from '@careseal/crypto'
import { leafHash, merkleRoot } from '@careseal/merkle'
import { formatCheckpoint } from './checkpoint.js'
import { approvalMessage, encodeHeader, type Admin, type Genesis, type Header, type Leaf } from './entry.js'
import { parseEntry } from './entry-parse.js'
import { firstLink } from './link.js'
import { signNote, type NoteSigner } from './note.js'
import { EMPTY_HEAD, planBlock, type Head } from './plan-block.js'
import { verifyLedger, type LedgerSource } from './verify-ledger.js'
import { COSIGNATURE_V1, ED25519, formatVkey, vkeyOf } from './vkey.js'

export const ORIGIN = 'ledger.example.org/test'

export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([fromHex('302a300506032b6570032100'), publicKey])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

export function keyPair(name: string, type: number, fill: number) {
  const der = Buffer.concat([fromHex('302e020100300506032b657004220420'), new Uint8Array(32).fill(fill)])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const vkey = vkeyOf(sha256, { name, type, publicKey: new Uint8Array(spki.subarray(-32)) })
  const signer: NoteSigner = { ...vkey, sign: (message) => new Uint8Array(sign(null, message, key)) }
  return { vkey: formatVkey(vkey), signer }
}

export const log = keyPair(ORIGIN, ED25519, 1)
export const witness = keyPair('witness.example.org/w1', COSIGNATURE_V1, 2)
export const operators = [3, 4, 5].map((fill) => keyPair(`operator-${fill}.example.org`, ED25519, fill))
export const options = { sha256, verifyEd25519 }

export const genesis: Genesis = {
  origin: ORIGIN,
  logKeys: [log.vkey],
  operators: operators.map(({ vkey }) => vkey),
  producers: Object.fromEntries(['consent', 'records'].map((name) => [name, hex(firstLink(sha256, ORIGIN, name))])),
  previous: null,
}

export function leafOf(producer: string, seq: number): Leaf {
  const hash = (what: string) => hex(sha256(utf8(`${what} ${producer} ${seq}`)))
  return { producer, seq, tag: hash('tag'), commitment: hash('commitment') }
}

export async function admission(treeSize: number, approvers = operators.slice(0, 2)): Promise<Admin> {
  const type = 'producer-admitted'
  const name = 'consent-2'
  const data: JsonValue = { name, firstLink: hex(firstLink(sha256, ORIGIN, name)), follows: 'consent' }
  const approvals = approvers.map(async ({ signer }) => ({
    operator: signer.name,
    signature: base64(await signer.sign(approvalMessage(ORIGIN, treeSize, { type, data }))),
  }))
  return { type, data, approvals: await Promise.all(approvals) }
}

/** Block 0; 3 leaves; 1 leaf; an admission and 2 leaves. Entries 0–1, 2–5, 6–7, 8–11. */
export async function ledger(admin?: Admin): Promise<{ entries: Uint8Array[]; heads: Head[] }> {
  const heads: Head[] = [EMPTY_HEAD]
  const entries: Uint8Array[] = []
  const add = (controls: Parameters<typeof planBlock>[0]['controls'], leaves: Leaf[]) => {
    const time = 1_790_000_000 + heads.length
    const block = planBlock(
      { head: heads.at(-1)!, controls: controls ?? [], leaves, epoch: heads.length, time },
      sha256,
    )
    entries.push(...block.entries)
    heads.push(block.newHead)
  }
  add([{ genesis }], [])
  add([], [leafOf('consent', 1), leafOf('consent', 2), leafOf('records', 1)])
  add([], [leafOf('consent', 3)])
  add([{ admin: admin ?? (await admission(8)) }], [leafOf('consent-2', 1), leafOf('records', 2)])
  return { entries, heads: heads.slice(1) }
}

export async function checkpointOf(entries: Uint8Array[], size = entries.length, origin = ORIGIN): Promise<string> {
  const root = merkleRoot(
    sha256,
    entries.slice(0, size).map((entry) => leafHash(sha256, entry)),
  )
  return signNote(formatCheckpoint({ origin, size, root }), log.signer)
}

export async function faultOf(source: LedgerSource, more: object = {}) {
  const verdict = await verifyLedger(source, { ...options, ...more })
  return verdict.ok ? null : verdict.fault
}

export function withHeader(entries: Uint8Array[], index: number, change: Partial<Header>): Uint8Array[] {
  const { block } = parseEntry(entries[index]!) as { block: Header }
  return entries.with(index, encodeHeader({ ...block, ...change }))
}

export async function admits(admin: Admin) {
  const { entries } = await ledger(admin)
  return faultOf({ entries, checkpoint: null })
}
