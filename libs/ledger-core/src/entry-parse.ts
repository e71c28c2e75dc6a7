// Reads entries strictly: an entry has one spelling, so what is read is exactly what encode… would write. The test for it
// is to write it again; unknown members, white space, other key orders and versions all fail that test.
import { equalHashes } from '@careseal/merkle'
import { fromUtf8 } from '@careseal/crypto/portable'
import {
  encodeControl,
  encodeHeader,
  encodeLeaf,
  type Admin,
  type Entry,
  type Genesis,
  type Header,
  type Leaf,
} from './entry.js'
import { Malformed, orMalformed } from './malformed.js'

const NOT_AN_ENTRY = 'not an entry of the ledger'

/** The entry that the bytes are. Throws Malformed. */
export function parseEntry(bytes: Uint8Array): Entry {
  return orMalformed(NOT_AN_ENTRY, () => {
    const entry = withoutVersion(JSON.parse(fromUtf8(bytes)) as Wrapper)
    if (!equalHashes(encodeEntry(entry), bytes)) throw new Malformed(NOT_AN_ENTRY)
    return entry
  })
}

/** The bytes of any entry. Throws Malformed for a field out of bounds. */
export function encodeEntry(entry: Entry): Uint8Array {
  if ('leaf' in entry) return encodeLeaf(entry.leaf)
  return 'block' in entry ? encodeHeader(entry.block) : encodeControl(entry)
}

type Versioned<T> = T & { v: 1 }
type Wrapper = {
  genesis?: Versioned<Genesis>
  admin?: Versioned<Admin>
  leaf?: Versioned<Leaf>
  block?: Versioned<Header>
}

// Writing it again proves that nothing else was there, so a missing or ill-typed member needs no check of its own here.
function withoutVersion({ genesis, admin, leaf, block }: Wrapper): Entry {
  if (leaf) {
    const { producer, seq, tag, commitment } = leaf
    return { leaf: { producer, seq, tag, commitment } }
  }
  if (block) {
    const { v: _, ...header } = block
    return { block: header }
  }
  if (admin) {
    const { v: _, ...rest } = admin
    return { admin: rest }
  }
  if (!genesis) throw new Malformed(NOT_AN_ENTRY)
  const { v: _, ...rest } = genesis
  return { genesis: rest }
}
