// The entries of the ledger and their bytes: canonical JSON with one top-level key, v 1. These formats can never change.
// What is out of its bounds is refused before it is written, so no entry exists that parseEntry would not read.
import { canonicalBytes, utf8, type JsonValue } from '@careseal/crypto/portable'
import { leafHash, type Hash, type Sha256 } from '@careseal/merkle'
import { Malformed } from './malformed.js'

/** Commits to one event. `tag` and `commitment` are 64 lower-case hex digits; `seq` counts from 1 for each producer. */
export type Leaf = { producer: string; seq: number; tag: string; commitment: string }

/** Entry 0. `logKeys` and `operators` are vkeys, `producers` first links in hex by name. */
export type Genesis = {
  origin: string
  logKeys: string[]
  operators: string[]
  producers: { [name: string]: string }
  /** The last witnessed checkpoint of a predecessor, a signed note; else null. */
  previous: string | null
}

/** One operator's signature, in base64, over `approvalMessage`; `operator` is the name in the operator's vkey. */
export type Approval = { operator: string; signature: string }

export type Admin = { type: string; data: JsonValue; approvals: Approval[] }

/** What comes first in a block. */
export type Control = { genesis: Genesis } | { admin: Admin }

/** The leaves of one producer in a block: fromSeq, fromSeq + 1, … */
export type Run = { producer: string; fromSeq: number; count: number }

/** The last entry of a block; hashes in hex, `time` in whole seconds since 1970 UTC. */
export type Header = {
  height: number
  prevHash: string
  firstIndex: number
  /** Entries of the block but the header: controls and leaves. */
  count: number
  controls: number
  /** Root of the tree [0, firstIndex + count), which does not hold this header yet. */
  root: string
  runs: Run[]
  epoch: number
  time: number
}

export type Entry = Control | { leaf: Leaf } | { block: Header }

/** An entry of a C2SP bundle has at most as many bytes. */
export const ENTRY_BYTES_MAX = 65_535
export const NO_HASH = '0'.repeat(64)

const HEX64 = /^[0-9a-f]{64}$/
const PRODUCER = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const PRODUCER_CHARACTERS_MAX = 63

/** {"leaf":{commitment, producer, seq, tag, v}}. Throws Malformed for a field out of bounds. */
export function encodeLeaf(leaf: Leaf): Uint8Array {
  return utf8(leafText(leaf))
}

/** What encodeLeaf encodes: ASCII. */
export function leafText({ producer, seq, tag, commitment }: Leaf): string {
  // By hand, for this runs once for every event: each field is checked to need no escape.
  checkProducer(producer)
  checkInteger(seq, 1)
  checkHex64(tag)
  checkHex64(commitment)
  return `{"leaf":{"commitment":"${commitment}","producer":"${producer}","seq":${seq},"tag":"${tag}","v":1}}`
}

/** The hash under which a leaf stands in the tree, and which the producer's link covers. */
export function leafEntryHash(sha256: Sha256, leaf: Leaf): Hash {
  return leafHash(sha256, encodeLeaf(leaf))
}

export function encodeGenesis(genesis: Genesis): Uint8Array {
  checkGenesis(genesis)
  const { origin, logKeys, operators, producers, previous } = genesis
  return bounded(canonicalBytes({ genesis: { v: 1, origin, logKeys, operators, producers, previous } }))
}

export function encodeAdmin(admin: Admin): Uint8Array {
  checkAdmin(admin)
  const approvals = admin.approvals.map(({ operator, signature }) => ({ operator, signature }))
  return bounded(canonicalBytes({ admin: { v: 1, type: admin.type, data: admin.data, approvals } }))
}

export function encodeControl(control: Control): Uint8Array {
  return 'genesis' in control ? encodeGenesis(control.genesis) : encodeAdmin(control.admin)
}

export function encodeHeader(header: Header): Uint8Array {
  checkHeader(header)
  const { height, prevHash, firstIndex, count, controls, root, epoch, time } = header
  const runs = header.runs.map(({ producer, fromSeq, count }) => ({ producer, fromSeq, count }))
  const block = { v: 1, height, prevHash, firstIndex, count, controls, root, runs, epoch, time }
  return bounded(canonicalBytes({ block }))
}

/** What operators sign to approve an admin entry: JCS([origin, treeSize, type, data]), treeSize = the entry's own index. */
export function approvalMessage(
  origin: string,
  treeSize: number,
  { type, data }: Omit<Admin, 'approvals'>,
): Uint8Array {
  return canonicalBytes([origin, treeSize, type, data])
}

function checkGenesis({ origin, logKeys, operators, producers, previous }: Genesis): void {
  checkOrigin(origin)
  for (const text of [...logKeys, ...operators]) checkText(text)
  if (logKeys.length === 0) throw new Malformed('a genesis names the key of its log')
  for (const [name, link] of Object.entries(producers)) {
    checkProducer(name)
    checkHex64(link)
  }
  if (previous !== null) checkText(previous)
}

function checkAdmin({ type, approvals }: Admin): void {
  checkText(type)
  for (const { operator, signature } of approvals) [operator, signature].forEach(checkText)
}

function checkHeader(header: Header): void {
  checkInteger(header.height, 0)
  checkInteger(header.firstIndex, 0)
  checkInteger(header.count, 1)
  checkInteger(header.controls, 0)
  checkInteger(header.epoch, 0)
  checkInteger(header.time, 0)
  checkHex64(header.prevHash)
  checkHex64(header.root)
  let leaves = 0
  let before = ''
  for (const { producer, fromSeq, count } of header.runs) {
    checkProducer(producer)
    checkInteger(fromSeq, 1)
    checkInteger(count, 1)
    if (producer <= before) throw new Malformed('runs stand in the order of their producers, each once')
    before = producer
    leaves += count
  }
  if (header.count !== header.controls + leaves) throw new Malformed('count is controls and leaves')
}

/** Throws Malformed unless it can be the second token of a subject: lower-case words joined by hyphens. */
export function checkProducer(name: string): void {
  if (typeof name !== 'string' || name.length > PRODUCER_CHARACTERS_MAX || !PRODUCER.test(name)) {
    throw new Malformed('not the name of a producer')
  }
}

/** Throws Malformed unless it can be the first line of a checkpoint. */
export function checkOrigin(origin: string): void {
  if (typeof origin !== 'string' || !/^[^\p{Cc}\p{White_Space}+]{1,255}$/u.test(origin)) {
    throw new Malformed('not the origin of a log')
  }
}

function checkText(text: string): void {
  if (typeof text !== 'string' || text === '') throw new Malformed('not a text')
}

function checkHex64(text: string): void {
  if (typeof text !== 'string' || !HEX64.test(text)) throw new Malformed('not 64 lower-case hexadecimal digits')
}

function checkInteger(value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw new Malformed(`not an integer from ${least}`)
}

function bounded(bytes: Uint8Array): Uint8Array {
  if (bytes.length > ENTRY_BYTES_MAX) throw new Malformed('an entry has at most 65535 bytes')
  return bytes
}
