// The ledger tells of the policy by which it is co-signed, so that anybody sees from which size it holds. That alone
// changes nothing: the sequencers read their own file, and every verifier trusts its own policy (ADR 0036).
import { sha256 } from '@careseal/crypto'
import { parsePolicy } from '@careseal/ledger-core'
import { append, AdministrationRefused, governanceOf, type Administration } from './administration.js'

/** `number` counts the policies of this ledger from 1; `index` is where the entry stands. */
export type PolicyReport = { number: number; index: number }

/** Records a C2SP policy that names this log. Throws AdministrationRefused, and Malformed for what is no policy. */
export async function recordPolicy(administration: Administration, policy: string): Promise<PolicyReport> {
  parsePolicy(sha256, policy)
  const { policy: last } = await governanceOf(administration)
  if (last?.policy === policy) {
    const told = `policy ${last.number} at index ${last.index} is this very one: nothing is left to do`
    throw new AdministrationRefused('policy-recorded', told)
  }
  const number = (last?.number ?? 0) + 1
  // If we crash after this, the next call finds the policy recorded, and says so.
  return { number, index: await append(administration, { type: 'policy-changed', data: { number, policy } }) }
}
