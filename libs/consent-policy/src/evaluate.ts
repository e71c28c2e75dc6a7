/**
 * Which of a patient's consents decides a request, and why. The combining rule, in this order:
 *
 * 1. A consent counts only while it is in force: `periodStartMs <= atMs < periodEndMs`.
 * 2. Among the consents in force that have the same scope (same grantees and same purposes), the newest one supersedes
 *    the others. A consent that has ended, or has not begun, supersedes nothing.
 * 3. It applies when it names the requester (or nobody) and a purpose that covers the asked one (or none).
 * 4. The most specific one decides: a named practitioner before a named organisation before "anyone", then the
 *    narrower purpose before the broader before "any purpose".
 * 5. Among equally specific ones a denial overrides every permit.
 *
 * When none applies there is no verdict here: the deployment's default policy decides.
 */
import type { Grantee, PurposeOfUse } from '@careseal/contracts'
import { purposesAbove } from './purpose-of-use.js'

/** One active version of a consent, as far as it is enforced. An empty list of grantees or purposes means any. */
export type ConsentRule = {
  consentId: string
  versionId: string
  effect: 'permit' | 'deny'
  grantees: readonly Grantee[]
  purposes: readonly PurposeOfUse[]
  /** First millisecond in force, Unix time. */
  periodStartMs?: number
  /** First millisecond no longer in force, Unix time. */
  periodEndMs?: number
  /** Position among all changes of this patient's consents: the higher, the newer. Never two alike. */
  revision: number
}

/** Who asks for what. `atMs` is the decision's time, Unix milliseconds, from the database that decides. */
export type PolicyRequest = {
  practitionerId?: string | undefined
  organizationId?: string | undefined
  purpose: PurposeOfUse
  atMs: number
}

/** What became of one consent in an evaluation; the first fault in the order of the combining rule. */
export type RuleOutcome =
  | 'decides'
  | 'not-in-force'
  | 'superseded'
  | 'other-grantee'
  | 'other-purpose'
  | 'less-specific'
  | 'overridden-by-deny'
  | 'agrees'

export type Reason = { consentId: string; versionId: string; effect: 'permit' | 'deny'; outcome: RuleOutcome }

/** `decisive` is null when no consent applies. `reasons` names every consent, in ascending order of revision. */
export type Evaluation = { decisive: ConsentRule | null; reasons: Reason[] }

/** Applies the combining rule. Pure, total, and independent of the order of `rules`. */
export function evaluate(rules: readonly ConsentRule[], request: PolicyRequest): Evaluation {
  const ordered = rules.toSorted((a, b) => a.revision - b.revision)
  const newest = newestOfScope(ordered, request)
  const exclusions = new Map(ordered.map((rule) => [rule, exclusion(rule, request, newest)]))
  const applicable = ordered.filter((rule) => exclusions.get(rule) === null)
  const decisive = mostSpecific(applicable, request)
  const reasons = ordered.map((rule) => ({
    consentId: rule.consentId,
    versionId: rule.versionId,
    effect: rule.effect,
    outcome: exclusions.get(rule) ?? standing(rule, decisive, request),
  }))
  return { decisive, reasons }
}

function newestOfScope(ordered: readonly ConsentRule[], request: PolicyRequest): Map<string, ConsentRule> {
  return new Map(ordered.filter((rule) => inForce(rule, request)).map((rule) => [scopeOf(rule), rule]))
}

function exclusion(
  rule: ConsentRule,
  request: PolicyRequest,
  newest: ReadonlyMap<string, ConsentRule>,
): RuleOutcome | null {
  if (!inForce(rule, request)) return 'not-in-force'
  if (newest.get(scopeOf(rule)) !== rule) return 'superseded'
  if (granteeRank(rule, request) === null) return 'other-grantee'
  if (purposeRank(rule, request) === null) return 'other-purpose'
  return null
}

function inForce(rule: ConsentRule, { atMs }: PolicyRequest): boolean {
  return (rule.periodStartMs ?? -Infinity) <= atMs && atMs < (rule.periodEndMs ?? Infinity)
}

function scopeOf(rule: ConsentRule): string {
  const grantees = new Set(rule.grantees.map(({ kind, id }) => `${kind}/${id}`))
  return JSON.stringify([[...grantees].toSorted(), [...new Set(rule.purposes)].toSorted()])
}

function mostSpecific(applicable: readonly ConsentRule[], request: PolicyRequest): ConsentRule | null {
  let best: ConsentRule | null = null
  for (const rule of applicable) {
    if (best === null || prevails(rule, best, request)) best = rule
  }
  return best
}

/** `rule` is newer than `best`, so among equals it takes over unless it would lift a denial. */
function prevails(rule: ConsentRule, best: ConsentRule, request: PolicyRequest): boolean {
  const difference = compareSpecificity(rule, best, request)
  if (difference !== 0) return difference > 0
  return rule.effect === 'deny' || best.effect === 'permit'
}

function standing(rule: ConsentRule, decisive: ConsentRule | null, request: PolicyRequest): RuleOutcome {
  if (rule === decisive || decisive === null) return 'decides'
  if (compareSpecificity(rule, decisive, request) < 0) return 'less-specific'
  return rule.effect === decisive.effect ? 'agrees' : 'overridden-by-deny'
}

function compareSpecificity(a: ConsentRule, b: ConsentRule, request: PolicyRequest): number {
  const byGrantee = (granteeRank(a, request) ?? -1) - (granteeRank(b, request) ?? -1)
  return byGrantee === 0 ? (purposeRank(a, request) ?? -1) - (purposeRank(b, request) ?? -1) : byGrantee
}

/** 2 for a named practitioner, 1 for a named organisation, 0 for anyone, null when others are named. */
function granteeRank({ grantees }: ConsentRule, { practitionerId, organizationId }: PolicyRequest): number | null {
  if (grantees.length === 0) return 0
  if (grantees.some(({ kind, id }) => kind === 'practitioner' && id === practitionerId)) return 2
  if (grantees.some(({ kind, id }) => kind === 'organization' && id === organizationId)) return 1
  return null
}

/** The nearer the named purpose is to the asked one, the higher; 0 for any purpose, null when others are named. */
function purposeRank({ purposes }: ConsentRule, { purpose }: PolicyRequest): number | null {
  if (purposes.length === 0) return 0
  const above: readonly string[] = purposesAbove(purpose)
  const distances = purposes.map((named) => above.indexOf(named)).filter((distance) => distance >= 0)
  return distances.length === 0 ? null : above.length - Math.min(...distances)
}
