import { HttpProblem } from '@careseal/service-kit'
import type { Halt } from '../ledger-status.js'

/** Why what is newest is not told now. */
export function notToBeShown(halt: Halt | null): HttpProblem {
  if (halt) return new HttpProblem(503, halt.code, `The ledger has stopped: ${halt.detail}`)
  const detail = 'The signer has not confirmed yet that this is all that was published; try again in a second.'
  return new HttpProblem(503, 'ledger-not-confirmed', detail, { headers: { 'retry-after': '1' } })
}
