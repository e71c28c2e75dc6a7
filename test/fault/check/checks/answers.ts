import type { Entry } from '../../load/history.js'
import { Check, type CheckResult } from '../result.js'

/** No client is answered what the interface does not offer for what it asked. */
export function onlyAllowedAnswers(entries: readonly Entry[]): CheckResult {
  const check = new Check('each answer is one that its request may get', ['interface'])
  for (const { n, operation, unexpected } of entries) {
    check.expect(unexpected === undefined, () => ({
      invariant: 'interface',
      what: `answered ${unexpected}`,
      where: `${operation}, entry ${n}`,
    }))
  }
  return check.result()
}
