// One checkpoint before its witnesses: who has co-signed so far, whether that is enough, who has had their say.
import { addSignatureLines, satisfies, type Policy } from '@careseal/ledger-core'
import type { SignedCheckpoint } from './witness-client.js'
import type { LinkOutcome, WitnessLink } from './witness-link.js'

/** Looks at the names of those who have co-signed. */
export type IsEnough = (witnesses: ReadonlySet<string>) => boolean

export class CosigningRound {
  /** How each witness's part ended, as far as it has. */
  readonly outcomes = new Map<string, LinkOutcome>()
  /** Resolves once all have had their say. */
  readonly settled: Promise<void>
  private readonly lines = new Map<string, string>()
  private readonly watchers = new Set<() => void>()

  constructor(
    readonly checkpoint: SignedCheckpoint,
    private readonly policy: Policy,
    links: readonly WitnessLink[],
  ) {
    this.settled = this.askAll(links)
  }

  /** Resolves to true as soon as the quorum has co-signed; to false when all have had their say and it has not. */
  untilQuorum(): Promise<boolean> {
    return this.until((witnesses) => satisfies(this.policy, witnesses))
  }

  async until(isEnough: IsEnough): Promise<boolean> {
    const holds = () => isEnough(new Set(this.lines.keys()))
    const enough = new Promise<void>((resolve) => {
      const watch = () => holds() && resolve()
      this.watchers.add(watch)
      watch()
    })
    await Promise.race([enough, this.settled])
    return holds()
  }

  /** Names of those who have co-signed, in the order of the policy. */
  get witnesses(): string[] {
    return this.policy.witnesses.map(({ name }) => name).filter((name) => this.lines.has(name))
  }

  /** The checkpoint with all cosignatures that there are. */
  note(): string {
    const lines = this.witnesses.map((name) => this.lines.get(name) as string)
    return lines.length === 0 ? this.checkpoint.note : addSignatureLines(this.checkpoint.note, lines.join(''))
  }

  private async askAll(links: readonly WitnessLink[]): Promise<void> {
    await Promise.all(links.map((link) => this.ask(link)))
  }

  private async ask(link: WitnessLink): Promise<void> {
    const outcome = await link.ask(this.checkpoint)
    this.outcomes.set(link.client.name, outcome)
    if ('cosigned' in outcome) this.lines.set(link.client.name, outcome.cosigned.line)
    for (const watch of this.watchers) watch()
  }
}
