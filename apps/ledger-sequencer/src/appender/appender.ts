// Seals leaves: takes what is queued, plans a block, commits it; while one commits, the next is planned.
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { BatchFailed } from '../fatal.js'
import { appendBlock, type BlockAppend } from './append-block.js'
import type { BlockPlanner } from './block-planner.js'
import type { LeafQueue } from './leaf-queue.js'

export type SealedBlock = Pick<BlockAppend, 'height' | 'treeSize' | 'hash'> & { leafCount: number; seconds: number }

export type AppenderOptions = {
  writer: Pick<ClientBase, 'query'>
  planner: BlockPlanner
  queue: LeafQueue
  /** Seconds since 1970. */
  now: () => number
  onSealed: (block: SealedBlock) => void
  /** A block was not committed and will be tried again. */
  onFailedBatch: (error: BatchFailed, attempts: number) => void
}

const RETRY_DELAY_MS = 50
const RETRY_DELAY_MS_MAX = 2_000

/** Runs until the queue is closed and empty. Rejects with Fatal, and then nothing more may be written by this process. */
export async function sealBlocks(options: AppenderOptions): Promise<void> {
  let committing: Promise<void> = Promise.resolve()
  // A failed commit ends the wait for leaves too; it is thrown where the commit is awaited.
  const giveUp = () => options.queue.discard()
  for (let leaves = await options.queue.take(); leaves !== null; leaves = await options.queue.take()) {
    const block = options.planner.planLeaves(leaves, options.now())
    await committing
    if (!block) continue
    committing = commit(options, block)
    committing.catch(giveUp)
  }
  await committing
}

// The same block again is right: it names its parent, so it can be committed once at most.
async function commit(options: AppenderOptions, block: BlockAppend): Promise<void> {
  const started = performance.now()
  for (let attempts = 1; ; attempts++) {
    try {
      await appendBlock(options.writer, block)
      break
    } catch (error) {
      if (!(error instanceof BatchFailed)) throw error
      options.onFailedBatch(error, attempts)
      await delay(Math.min(RETRY_DELAY_MS * 2 ** attempts, RETRY_DELAY_MS_MAX))
    }
  }
  const { height, treeSize, hash, leaves } = block
  options.onSealed({ height, treeSize, hash, leafCount: leaves.length / 64, seconds: secondsSince(started) })
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000
}
