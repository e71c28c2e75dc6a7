// Where administration entries wait for their turn in the appender. What operators sign names the entry's index, and the
// index moves with every block; so a well-approved entry that comes too late makes the appender hold the next index for
// a moment, and is told which one it is. Who may hold the ledger up is therefore who may write into it: two operators.
import { hex, sha256 } from '@careseal/crypto'
import { firstLink, isApproved, type Admin, type Genesis } from '@careseal/ledger-core'
import type { BlockAppend } from '../appender/append-block.js'
import type { BlockPlanner } from '../appender/block-planner.js'
import type { LeafQueue } from '../appender/leaf-queue.js'
import { verifyEd25519 } from '@careseal/cosigner'
import { admissionOf, type Admission, type AdmissionRefusal } from './admission-rules.js'

/** `index-passed`: the entry may stand at `index` if it comes within `heldMs`. */
export type AdminOutcome =
  | { appended: { index: number; height: number } }
  | { refused: 'index-passed'; index: number; heldMs: number }
  | { refused: AdmissionRefusal | 'not-approved' | 'another-waits' }

export type AdminRequest = { index: number; admin: Admin }

/** Long enough to sign once more and come back, short enough that nobody notices the pause. */
const HOLD_MS = 3_000

type Waiting = AdminRequest & { admission: Admission; answer: (outcome: AdminOutcome) => void }

export class AdminDesk {
  private waiting: Waiting | null = null

  constructor(
    private readonly genesis: Genesis,
    private readonly planner: BlockPlanner,
    private readonly queue: LeafQueue,
    private readonly onAdmitted: (admission: Admission) => void,
  ) {}

  /** Resolves when the entry is committed, or will not be. */
  async submit({ index, admin }: AdminRequest): Promise<AdminOutcome> {
    const { origin } = this.genesis
    const firstLinkOf = (name: string) => hex(firstLink(sha256, origin, name))
    const admission = admissionOf(admin, { names: this.planner.producers, firstLinkOf })
    if ('refused' in admission) return admission
    if (!(await isApproved(this.genesis, index, admin, { sha256, verifyEd25519 }))) return { refused: 'not-approved' }
    if (this.waiting) return { refused: 'another-waits' }
    return new Promise((answer) => {
      this.waiting = { index, admin, admission, answer }
      this.queue.interrupt()
    })
  }

  /** Plans the waiting entry as a block of its own if the next index is its own; the caller commits it. */
  plan(time: number): { block: BlockAppend; committed: () => void } | null {
    const { waiting } = this
    if (!waiting || waiting.index !== this.planner.treeSize) return null
    this.waiting = null
    this.queue.release()
    const { admin, admission, index, answer } = waiting
    const block = this.planner.planAdmission(admin, admission, time)
    const committed = () => {
      this.onAdmitted(admission)
      answer({ appended: { index, height: block.height } })
    }
    return { block, committed }
  }

  /** After a turn's leaves are planned: an entry that still waits came too late, and the next index is held for it. */
  holdNextIndex(): void {
    const { waiting } = this
    if (!waiting) return
    this.waiting = null
    this.queue.hold(HOLD_MS)
    waiting.answer({ refused: 'index-passed', index: this.planner.treeSize, heldMs: HOLD_MS })
  }
}
