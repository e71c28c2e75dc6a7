// Access tokens that are renewed before they end, and while the authorisation server dies and comes back.
import { setTimeout as delay } from 'node:timers/promises'

type Known = { token: string; at: number; renewing: Promise<string> | null }

/** Tokens live five minutes. */
const RENEWED_AFTER_MS = 120_000
const USED_FOR_MS = 270_000
const ASKED_FOR_MS = 20_000
const PAUSE_MS = 250

export class Tokens {
  private readonly known = new Map<string, Known>()

  /** `ask` gets a fresh token; it throws while the authorisation server is away. */
  constructor(private readonly ask: (login: string) => Promise<string>) {}

  /** A valid token; an old one is renewed beside its use. Throws when there is none and none is given for 20 s. */
  async of(login: string): Promise<string> {
    const known = this.known.get(login)
    const age = known ? performance.now() - known.at : Infinity
    if (known && age < RENEWED_AFTER_MS) return known.token
    const renewed = this.renew(login)
    if (!known || age >= USED_FOR_MS) return renewed
    renewed.catch(() => {})
    return known.token
  }

  /** For a token that was answered 401. */
  forget(login: string, token: string): void {
    const known = this.known.get(login)
    if (known?.token === token) known.at = -Infinity
  }

  private renew(login: string): Promise<string> {
    const known = this.known.get(login) ?? { token: '', at: -Infinity, renewing: null }
    this.known.set(login, known)
    known.renewing ??= this.untilGiven(login)
      .then((token) => {
        Object.assign(known, { token, at: performance.now() })
        return token
      })
      .finally(() => (known.renewing = null))
    return known.renewing
  }

  private async untilGiven(login: string): Promise<string> {
    const deadline = performance.now() + ASKED_FOR_MS
    for (;;) {
      try {
        return await this.ask(login)
      } catch (error) {
        if (performance.now() > deadline) throw error
        await delay(PAUSE_MS)
      }
    }
  }
}
