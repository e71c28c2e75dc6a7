// The combining rule word for word and pair by pair, slow and plain: the oracle for evaluate().
import type { ConsentRule, PolicyRequest } from './evaluate.js'
import { purposeCovers } from './purpose-of-use.js'

/** What the consents say: `permit`, `deny`, or null when none applies. */
export function naiveVerdict(rules: readonly ConsentRule[], request: PolicyRequest): 'permit' | 'deny' | null {
  const inForce = rules.filter(
    (rule) =>
      (rule.periodStartMs === undefined || rule.periodStartMs <= request.atMs) &&
      (rule.periodEndMs === undefined || request.atMs < rule.periodEndMs),
  )
  const current = inForce.filter((rule) => !inForce.some((other) => sameScope(rule, other) && newer(other, rule)))
  const applicable = current.filter((rule) => names(rule, request) && covers(rule, request))
  const strongest = applicable.filter((rule) => !applicable.some((other) => moreSpecific(other, rule, request)))
  if (strongest.length === 0) return null
  return strongest.some(({ effect }) => effect === 'deny') ? 'deny' : 'permit'
}

const newer = (a: ConsentRule, b: ConsentRule) => a.revision > b.revision

function sameScope(a: ConsentRule, b: ConsentRule): boolean {
  return sameSet(granteesOf(a), granteesOf(b)) && sameSet(a.purposes, b.purposes)
}

const granteesOf = (rule: ConsentRule) => rule.grantees.map(({ kind, id }) => `${kind}/${id}`)

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.every((value) => b.includes(value)) && b.every((value) => a.includes(value))
}

function namesPractitioner(rule: ConsentRule, request: PolicyRequest): boolean {
  return rule.grantees.some(({ kind, id }) => kind === 'practitioner' && id === request.practitionerId)
}

function namesOrganization(rule: ConsentRule, request: PolicyRequest): boolean {
  return rule.grantees.some(({ kind, id }) => kind === 'organization' && id === request.organizationId)
}

function names(rule: ConsentRule, request: PolicyRequest): boolean {
  return rule.grantees.length === 0 || namesPractitioner(rule, request) || namesOrganization(rule, request)
}

function covers(rule: ConsentRule, request: PolicyRequest): boolean {
  return rule.purposes.length === 0 || rule.purposes.some((purpose) => purposeCovers(purpose, request.purpose))
}

function moreSpecific(a: ConsentRule, b: ConsentRule, request: PolicyRequest): boolean {
  for (const test of [namesPractitioner, namesSomebody, namesItsPurpose, namesSomePurpose]) {
    if (test(a, request) !== test(b, request)) return test(a, request)
  }
  return false
}

const namesSomebody = (rule: ConsentRule) => rule.grantees.length > 0
const namesSomePurpose = (rule: ConsentRule) => rule.purposes.length > 0
const namesItsPurpose = (rule: ConsentRule, request: PolicyRequest) => rule.purposes.includes(request.purpose)
