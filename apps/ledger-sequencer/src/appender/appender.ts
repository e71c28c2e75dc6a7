// Seals leaves: takes what is queued, plans a block, commits it; while one commits, the next is planned.
import { setTimeout as delay } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { BatchFailed } from '../fatal.js'
import { appendBlock, type BlockAppend } from './append-block.js'
import type { BlockPlanner } from './block-planner.js'
import type { AdminDesk } from '../admission/admin-desk.js'
import type { LeafQueue, PendingLeaf } from './leaf-queue.js'

export type SealedBlock = Pick<BlockAppend, 'height' | 'treeSize' | 'hash'> & { leafCount: number; seconds: number }

export type AppenderOptions = {
  writer: Pick<ClientBase, 'query'>
  planner: BlockPlanner
  queue: LeafQueue
  /** Administration entries that wait for their turn; without it there are none. */
  desk?: Pick<AdminDesk, 'plan' | 'holdNextIndex'>
  /** Whether so much is committed that was not re-read yet that the next block has to wait. */
  isAhead?: () => boolean
  /** Seconds since 1970. */
  now: () => number
  onSealed: (block: SealedBlock) => void
  /** A block was not committed and will be tried again. */
  onFailedBatch: (error: BatchFailed, attempts: number) => void
}

const RETRY_DELAY_MS = 50
const RETRY_DELAY_MS_MAX = 2_000
const AHEAD_LOOK_MS = 5

/** Runs until the queue is closed and empty. Rejects with Fatal, and then nothing more may be written by this process. */
export async function sealBlocks(options: AppenderOptions): Promise<void> {
  let committing: Promise<void> = Promise.resolve()
  // A failed commit ends the wait for leaves too; it is thrown where the commit is awaited.
  const giveUp = () => options.queue.discard()
  for (let leaves = await next(options); leaves !== null; leaves = await next(options)) {
    for (const { block, committed } of plansOf(options, leaves)) {
      await committing
      committing = commit(options, block).then(committed)
      committing.catch(giveUp)
    }
  }
  await committing
}

async function next(options: AppenderOptions): Promise<PendingLeaf[] | null> {
  while (options.isAhead?.()) await delay(AHEAD_LOOK_MS)
  return options.queue.take()
}

type Plan = { block: BlockAppend; committed?: () => void }

// Each plan is made when it is asked for, after the one before it was handed to its commit.
function* plansOf({ planner, desk, now }: AppenderOptions, leaves: readonly PendingLeaf[]): Generator<Plan> {
  const admission = desk?.plan(now())
  if (admission) yield admission
  const block = leaves.length > 0 ? planner.planLeaves(leaves, now()) : null
  if (block) yield { block }
  desk?.holdNextIndex()
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

/** Seconds since 1970. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000
}
