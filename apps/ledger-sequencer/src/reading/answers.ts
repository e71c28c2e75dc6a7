// What the ledger's routes answer, as OpenAPI describes it. Hashes are 64 hex digits; bytes of entries are base64.
import { z } from 'zod'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const base64 = z.string().describe('base64')
const size = z.int().nonnegative()

export const BlockAnswer = z.strictObject({
  height: size,
  hash: hash.describe('SHA-256 of the header, the prevHash of the next block'),
  firstIndex: size,
  count: z.int().positive().describe('entries of the block but its header'),
  treeSize: z.int().positive().describe('size of the tree that ends with this header'),
  header: base64.describe('the bytes of the header entry, base64'),
})
export const BlocksAnswer = z.strictObject({
  blocks: z.array(BlockAnswer),
  next: size.nullable().describe('the height to go on from; null at the end'),
  treeSize: size,
})

const entryBytes = { index: size, bytes: base64.describe('the bytes of the entry, base64') }
export const EntriesAnswer = z.strictObject({
  entries: z.array(z.strictObject(entryBytes)),
  next: size.nullable().describe('the index to go on from; null at the end'),
  treeSize: size,
})
export const EntryAnswer = z.strictObject({
  ...entryBytes,
  leafHash: hash.describe('what stands in the tree: SHA-256(0x00 || bytes)'),
  entry: z.record(z.string(), z.unknown()).describe('the same bytes, read as JSON'),
})

const proof = z.array(hash).describe('RFC 6962 section 2.1, lowest first')
export const InclusionAnswer = z.strictObject({ index: size, size, proof })
export const ConsistencyAnswer = z.strictObject({ old: size, new: size, proof })

export const GovernanceAnswer = z.strictObject({
  entries: z.array(
    z.strictObject({
      ...entryBytes,
      height: size,
      time: size.describe('seconds since 1970, of the block'),
      type: z.string().describe('genesis, producer-admitted, or another type of administration entry'),
      data: z.unknown().describe('what it says; of a genesis all of it'),
      operators: z.array(z.string()).describe('whose approvals it carries'),
    }),
  ),
  next: size.nullable().describe('the index to go on from; null at the end'),
  treeSize: size,
})

export const KeysAnswer = z.strictObject({
  origin: z.string(),
  keys: z.array(
    z.strictObject({
      owner: z.enum(['log', 'witness']),
      vkey: z.string(),
      fromSize: size.describe('the least size of a tree for which its signature counts'),
      untilSize: size.nullable().describe('the greatest one; null while the key is in force'),
      addedAt: size.nullable().describe('the entry that brought it; null for a key of the genesis'),
      retiredAt: size.nullable().describe('the entry that ended it'),
      replaces: z.string().nullable(),
      reason: z.enum(['rotated', 'stolen']).nullable(),
    }),
  ),
  treeSize: size,
})

export const ProducerAnswer = z.strictObject({
  producer: z.string(),
  latest: z.string().describe('the newest incarnation of this producer: any other takes no more events'),
  lastSeq: size,
  lastLink: hash,
})
export const ProducersAnswer = z.strictObject({ producers: z.array(ProducerAnswer) })

export const StatusAnswer = z.looseObject({
  state: z.enum(['starting', 'confirmed', 'halted']),
  halt: z.strictObject({ code: z.string(), detail: z.string() }).optional(),
  height: z.int().min(-1),
  treeSize: size,
  publishedSize: size,
  publishedAt: z.iso.datetime().optional(),
  cosignedBy: z.array(z.string()).optional().describe('whose cosignatures the published checkpoint carries'),
  signedSize: size.optional().describe('what the signer has signed and the quorum may not have co-signed yet'),
  waitingFor: z.array(z.string()).optional().describe('witnesses without whose answer nothing is signed yet'),
  frozenProducers: z.record(z.string(), z.string()),
})
