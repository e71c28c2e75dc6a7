// All witnesses of the log: each checkpoint goes to every one of them at once, none waits for another.
import type { Policy } from '@careseal/ledger-core'
import { CosigningRound } from './cosigning-round.js'
import { shownBy, type Shown, type ShownOptions } from './contradiction.js'
import { WitnessClient, type SignedCheckpoint } from './witness-client.js'
import { WitnessLink, type LinkOutcome, type OnAnswer } from './witness-link.js'
import { addressesOf } from './witness-policy.js'

export type CosigningOptions = {
  policy: Policy
  /** The longest that one request to a witness may take. */
  deadlineMs: number
  onAnswer: OnAnswer
}

/** A witness that contradicts the ledger, and what it has shown for it. */
export type Objection = { witness: string; claim: string; shown: Shown }

export class Cosigning {
  private readonly links: readonly WitnessLink[]

  constructor(private readonly options: CosigningOptions) {
    const { policy, deadlineMs, onAnswer } = options
    this.links = addressesOf(policy).map((address) => new WitnessLink(new WitnessClient(address, deadlineMs), onAnswer))
  }

  get policy(): Policy {
    return this.options.policy
  }

  get witnesses(): WitnessClient[] {
    return this.links.map(({ client }) => client)
  }

  begin(checkpoint: SignedCheckpoint): CosigningRound {
    return new CosigningRound(checkpoint, this.policy, this.links)
  }

  /** Asks those who claim to have seen another history, or more of it, for the checkpoint that shows it. */
  async objections(outcomes: ReadonlyMap<string, LinkOutcome>, options: ShownOptions): Promise<Objection[]> {
    const claims = this.witnesses.flatMap((client) => {
      const claim = claimOf(outcomes.get(client.name))
      return claim === null ? [] : [{ client, claim }]
    })
    return Promise.all(
      claims.map(async ({ client, claim }) => {
        const answer = await client.latest(options.origin)
        const note = 'note' in answer ? answer.note : null
        return { witness: client.name, claim, shown: note === null ? null : await shownBy(note, options) }
      }),
    )
  }
}

// Whoever knows none of the keys may have seen more of the ledger than we sign: a rotation, and the checkpoints after it.
const CLAIMS: Record<number, string> = {
  403: 'it knows other keys of this log',
  422: 'it has seen another history',
}

function claimOf(outcome: LinkOutcome | undefined): string | null {
  if (outcome === undefined) return null
  if ('ahead' in outcome) return `it has seen size ${outcome.ahead}`
  return 'status' in outcome ? (CLAIMS[outcome.status] ?? null) : null
}
