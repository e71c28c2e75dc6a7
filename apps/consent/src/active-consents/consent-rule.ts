import type { ConsentRule } from '@careseal/consent-policy'
import type { ConsentTerms } from '../consent/consent.decider.js'

/** Terms as they stand in an event, in the form that policy judges. */
export function ruleOf(
  version: Pick<ConsentRule, 'consentId' | 'versionId' | 'revision'>,
  terms: ConsentTerms,
): ConsentRule {
  const { effect, grantees, purposes, periodStart, periodEnd } = terms
  return {
    ...version,
    effect,
    grantees,
    purposes,
    ...(periodStart === undefined ? {} : { periodStartMs: Date.parse(periodStart) }),
    ...(periodEnd === undefined ? {} : { periodEndMs: Date.parse(periodEnd) }),
  }
}
