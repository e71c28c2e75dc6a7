// What a verifier saw of a ledger last time. A ledger may only have grown since: one that is shorter, or has another
// history at that size, is found out, whoever signed it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hex } from '@careseal/crypto'
import { isAbandoned, type LedgerKey, type SignerRetreat } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { fileNameOf, writeOwn } from '../trust/own-folders.js'

/** `note` is the signed checkpoint that was verified then, `keys` the history of keys that the entries below it made. */
export type Visit = {
  v: 1
  origin: string
  size: number
  root: string
  note: string
  visitedAt: string
  keys: readonly LedgerKey[]
}

/** `retreated`: the signer gave up what was seen, and the ledger itself says so. */
export type Since = 'first-visit' | 'unchanged' | 'grown' | 'retreated' | 'shrank' | 'forked'

/** Where the last visit of a log is remembered below a folder. */
export function visitFile(folder: string, origin: string): string {
  return join(folder, 'visits', `${fileNameOf(origin)}.json`)
}

/** The last visit that a file remembers; null if there is none. Throws (usage) for a file that holds something else. */
export function readVisit(file: string): Visit | null {
  if (!existsSync(file)) return null
  const visit = parsed(file)
  if (visit?.v === 1 && typeof visit.origin === 'string' && Number.isSafeInteger(visit.size)) return visit
  throw new CliError(EXIT.usage, `${file} remembers no visit of a ledger: name another file with --memory`)
}

function parsed(file: string): Visit | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Visit
  } catch {
    return null
  }
}

export function writeVisit(file: string, visit: Visit): void {
  writeOwn(file, `${JSON.stringify(visit, null, 2)}\n`)
}

/** Compares a ledger, block by block as it is verified, with what was seen of it before. */
export class Revisit {
  private rootThen: string | null = null

  constructor(readonly last: Visit | null) {}

  /** Hears of the tree that ends with each block. */
  onBlock(tree: { readonly size: number; root: () => Hash }): void {
    if (tree.size === this.last?.size) this.rootThen = hex(tree.root())
  }

  /** What happened since, once the ledger is verified up to a checkpoint of `size`. */
  since(size: number, retreats: readonly SignerRetreat[]): Since {
    const { last, rootThen } = this
    if (!last) return 'first-visit'
    // A size at which no block ends is one that this history never had.
    if (size >= last.size && rootThen === last.root) return size === last.size ? 'unchanged' : 'grown'
    if (isAbandoned(retreats, last)) return 'retreated'
    return size < last.size ? 'shrank' : 'forked'
  }
}
