// A small signed ledger in a folder, as `careseal ledger export` leaves one, and with leaves that a test can choose.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hex, sha256, utf8 } from '@careseal/crypto'
import {
  COSIGNATURE_V1,
  cosigner,
  ED25519,
  EMPTY_HEAD,
  firstLink,
  formatBundle,
  formatCheckpoint,
  formatVkey,
  planBlock,
  signNote,
  vkeyOf,
} from '@careseal/ledger-core'
import { leafHash, merkleRoot, tilePath } from '@careseal/merkle'

export const origin = 'ledger.example/fsck'
const keys = generateKeyPairSync('ed25519')
const logKey = keyOf(keys.publicKey)

/** The key of the small ledger, and that of nobody. */
export const vkey = formatVkey(logKey)
export const strangersVkey = formatVkey(keyOf(generateKeyPairSync('ed25519').publicKey))

function keyOf(publicKey: KeyObject) {
  const bytes = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  return vkeyOf(sha256, { name: origin, type: ED25519, publicKey: bytes })
}

/** Genesis and header, then blocks of 100 leaves: with 3 blocks entries 0–1, 2–102, 103–203, 204–304. */
export function smallLedger(
  blocks = 3,
  tagOf: (seq: number) => string = (seq) => `tag ${seq}`,
  commitmentOf: (seq: number) => string | undefined = () => undefined,
): Uint8Array[] {
  const producers = { records: hex(firstLink(sha256, origin, 'records')) }
  const genesis = { origin, logKeys: [vkey], operators: [], producers, previous: null }
  let block = planBlock({ head: EMPTY_HEAD, controls: [{ genesis }], leaves: [], epoch: 1, time: 1 }, sha256)
  const all = [...block.entries]
  for (let from = 1; from <= blocks * 100; from += 100) {
    const leaves = Array.from({ length: 100 }, (_, i) => leafOf(from + i, tagOf(from + i), commitmentOf(from + i)))
    block = planBlock({ head: block.newHead, leaves, epoch: 1, time: from }, sha256)
    all.push(...block.entries)
  }
  return all
}

function leafOf(seq: number, tag: string, commitment = hex(sha256(utf8(`commitment ${seq}`)))) {
  return { producer: 'records', seq, tag: hex(sha256(utf8(tag))), commitment }
}

export function put(folder: string, path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), bytes)
}

/** Bundles, tiles and a signed checkpoint of up to 65,536 entries. */
export async function writeExport(folder: string, all: readonly Uint8Array[]): Promise<void> {
  const hashes = all.map((entry) => leafHash(sha256, entry))
  const full: Uint8Array[] = []
  for (let index = 0; index * 256 < all.length; index++) {
    const [from, to] = [index * 256, Math.min(all.length, index * 256 + 256)]
    const place = { index, width: to - from }
    put(folder, tilePath({ level: 'entries', ...place }), formatBundle(all.slice(from, to)))
    put(folder, tilePath({ level: 0, ...place }), Buffer.concat(hashes.slice(from, to)))
    if (place.width === 256) full.push(merkleRoot(sha256, hashes.slice(from, to)))
  }
  if (full.length > 0) put(folder, tilePath({ level: 1, index: 0, width: full.length }), Buffer.concat(full))
  const text = formatCheckpoint({ origin, size: all.length, root: merkleRoot(sha256, hashes) })
  put(folder, 'vkey', `${vkey}\n`)
  put(
    folder,
    'checkpoint',
    await signNote(text, { ...logKey, sign: (message) => sign(null, message, keys.privateKey) }),
  )
}

const witnessKeys = generateKeyPairSync('ed25519')

/** The signed checkpoint of a small ledger, co-signed by a witness at a time in seconds since 1970. */
export async function checkpointNote(all: readonly Uint8Array[], timestamp: number) {
  const root = merkleRoot(
    sha256,
    all.map((entry) => leafHash(sha256, entry)),
  )
  const publicKey = Uint8Array.from(witnessKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  const key = vkeyOf(sha256, { name: 'witness.example/fsck', type: COSIGNATURE_V1, publicKey })
  const witness = cosigner(key, timestamp, (message) => sign(null, message, witnessKeys.privateKey))
  const log = { ...logKey, sign: (message: Uint8Array) => sign(null, message, keys.privateKey) }
  const note = await signNote(formatCheckpoint({ origin, size: all.length, root }), log, witness)
  return { note, vkey: formatVkey(key) }
}
