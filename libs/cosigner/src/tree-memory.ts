// What a cosigner remembers: the largest tree that it signed. It moves by compare-and-swap alone, is durable before
// anybody gets a signature, and never comes from those whose trees are signed. The log's signer and every witness use it.
import { sha256 } from '@careseal/crypto'
import { equalHashes } from '@careseal/merkle'
import { judgeSwap, type KnownTree, type SwapAnswer, type SwapRequest } from '@careseal/ledger-core'

/** Where a memory is kept. `read` tells what the disk shows; `replace` returns once the new one is durable. */
export type TreeStore<T extends KnownTree> = {
  read: () => Promise<T>
  replace: (memory: T) => Promise<void>
}

/** `remembered` is durable: now it may be signed. */
export type SwapOutcome<T> = { remembered: T } | Exclude<SwapAnswer, { accepted: KnownTree }>

/** A memory of one tree, for one process: what lies in the store may change between two swaps, but not within one. */
export class TreeMemory<T extends KnownTree> {
  /** False while the store may show something newer than what it keeps: then it is written again before an answer. */
  private durable = true
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly store: TreeStore<T>,
    private memory: T,
  ) {}

  /** As it was last read or written. */
  get known(): T {
    return this.memory
  }

  /**
   * One swap after another. `next` makes the memory of an accepted tree; when it answers `known` itself, nothing is new.
   *
   * Rejects when the store fails: then nothing may be signed, whatever the disk holds now.
   */
  swap(request: SwapRequest, next: (known: T, accepted: KnownTree) => T): Promise<SwapOutcome<T>> {
    return this.inTurn(async (remember) => {
      // Another process may have signed meanwhile; the store is the truth, memory is not. It may have ended before what it
      // wrote was durable.
      const stored = await this.store.read()
      if (!isSameTree(stored, this.memory)) this.durable = false
      this.memory = stored
      const answer = judgeSwap(sha256, this.memory, request)
      if (!('accepted' in answer)) return answer
      const remembered = next(this.memory, answer.accepted)
      if (remembered !== this.memory || !this.durable) await remember(remembered)
      return { remembered }
    })
  }

  /** Does `work` between two swaps; `remember` writes a memory that continues the one in the store. */
  inTurn<R>(work: (remember: (memory: T) => Promise<void>) => Promise<R>): Promise<R> {
    const done = this.turn.then(() => work((memory) => this.remember(memory)))
    this.turn = done.catch(() => {})
    return done
  }

  // If we crash after this, the tree counts as signed though nobody saw a signature: whoever asks again gets it.
  private async remember(memory: T): Promise<void> {
    this.durable = false
    await this.store.replace(memory)
    this.durable = true
    this.memory = memory
  }
}

function isSameTree(one: KnownTree, other: KnownTree): boolean {
  return one.size === other.size && equalHashes(one.root, other.root)
}
