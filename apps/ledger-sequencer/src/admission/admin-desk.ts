// Where administration entries wait for their turn in the appender. What operators sign names the entry's index, and the
// index moves with every block; so a well-approved entry that comes too late makes the appender hold the next index for
// a moment, and is told which one it is. Who may hold the ledger up is therefore who may write into it: two operators.
import { hex, sha256 } from '@careseal/crypto'
import { firstLink, isApproved, type Genesis, type Governance, type PlacedAdmin } from '@careseal/ledger-core'
import type { BlockAppend } from '../appender/append-block.js'
import type { BlockPlanner } from '../appender/block-planner.js'
import type { LeafQueue } from '../appender/leaf-queue.js'
import { verifyEd25519 } from '@careseal/cosigner'
import { actOf, type Act, type ActRefusal, type Admission } from './admission-rules.js'

/** `index-passed`: the entry may stand at `index` if it comes within `heldMs`. */
export type AdminOutcome =
  | { appended: { index: number; height: number } }
  | { refused: 'index-passed'; index: number; heldMs: number }
  | ActRefusal
  | { refused: 'not-approved' | 'another-waits' | 'key-not-held' | 'index-ahead' }

/** Long enough to sign once more and come back, short enough that nobody notices the pause. */
const HOLD_MS = 3_000

type Waiting = PlacedAdmin & { answer: (outcome: AdminOutcome) => void }

export type AdminDeskOptions = {
  genesis: Genesis
  /** Keys, policy and retreats as all committed entries have them. */
  governance: Governance
  planner: BlockPlanner
  queue: LeafQueue
  onAdmitted: (admission: Admission) => void
  /** Whether the signer holds a key durably: only then may the ledger name it as its own. */
  holdsKey: (vkey: string) => Promise<boolean>
}

export class AdminDesk {
  private waiting: Waiting | null = null
  private governance: Governance

  constructor(private readonly options: AdminDeskOptions) {
    this.governance = options.governance
  }

  /** Resolves when the entry is committed, or will not be. */
  async submit({ index, admin }: PlacedAdmin): Promise<AdminOutcome> {
    const { genesis, queue, holdsKey } = this.options
    const act = this.judged({ index, admin })
    if ('refused' in act) return act
    if (!(await isApproved(genesis, index, admin, { sha256, verifyEd25519 }))) return { refused: 'not-approved' }
    if (act.needsKey !== null && !(await holdsKey(act.needsKey))) return { refused: 'key-not-held' }
    if (this.waiting) return { refused: 'another-waits' }
    return new Promise((answer) => {
      this.waiting = { index, admin, answer }
      queue.interrupt()
    })
  }

  /**
   * Plans the waiting entry as a block of its own if the next index is its own; the caller commits it.
   *
   * It is judged again, for another entry may have been appended since it came.
   */
  plan(time: number): { block: BlockAppend; committed: () => void } | null {
    const { waiting } = this
    const { planner, queue, onAdmitted } = this.options
    if (!waiting || waiting.index !== planner.treeSize) return null
    this.waiting = null
    queue.release()
    const { admin, index, answer } = waiting
    const act = this.judged(waiting)
    if ('refused' in act) {
      answer(act)
      return null
    }
    const block = planner.planAdmin(admin, act.admission, time)
    this.governance = act.governance
    const committed = () => {
      if (act.admission) onAdmitted(act.admission)
      answer({ appended: { index, height: block.height } })
    }
    return { block, committed }
  }

  /**
   * After a turn's leaves are planned: an entry that still waits came too late, and the next index is held for it; or it
   * came too early, and holds nothing up, or whoever has it could stop the ledger until its index comes.
   */
  holdNextIndex(): void {
    const { waiting } = this
    const { planner, queue } = this.options
    if (!waiting) return
    if (waiting.index === planner.treeSize) return queue.interrupt()
    this.waiting = null
    if (waiting.index > planner.treeSize) return waiting.answer({ refused: 'index-ahead' })
    queue.hold(HOLD_MS)
    waiting.answer({ refused: 'index-passed', index: planner.treeSize, heldMs: HOLD_MS })
  }

  private judged(entry: PlacedAdmin): Act | ActRefusal {
    const { genesis, planner } = this.options
    const firstLinkOf = (name: string) => hex(firstLink(sha256, genesis.origin, name))
    return actOf(entry, { names: planner.producers, firstLinkOf, governance: this.governance })
  }
}
