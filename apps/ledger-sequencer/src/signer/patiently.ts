// Asks the signer until it answers: nothing is appended before it has, and to wait for it changes nothing.
import { setTimeout as delay } from 'node:timers/promises'
import type { LedgerStatus } from '../ledger-status.js'
import { SignerSilent } from './log-signer.js'

export type Patience = {
  status: LedgerStatus
  /** Ends the waiting; `ask` then rejects as an aborted delay does. */
  signal: AbortSignal
  onSilence: (error: SignerSilent) => void
}

const PAUSE_MS = 200

export async function patiently<T>({ status, signal, onSilence }: Patience, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const answer = await ask()
      status.signerAnswered()
      return answer
    } catch (error) {
      if (!(error instanceof SignerSilent)) throw error
      status.signerSilent(error.message)
      onSilence(error)
      await delay(PAUSE_MS, undefined, { signal })
    }
  }
}
