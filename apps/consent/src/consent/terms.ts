// Reads out of a FHIR Consent what is enforced, and refuses every element that would say more: nothing that narrows or
// widens access is ever accepted and ignored.
import { PurposeOfUse, ServerId, type Grantee } from '@careseal/contracts'
import { errorIssue, instantRange, isObject, type Issue, type Json, type JsonObject } from '@careseal/fhir'
import type { ConsentTerms } from './consent.decider.js'

const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
const CONSENT_ACTION = 'http://terminology.hl7.org/CodeSystem/consentaction'
const CONSENT_SCOPE = 'http://terminology.hl7.org/CodeSystem/consentscope'
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType'

/** What a valid FHIR Consent asks for: a grant with its terms, or the end of a consent. */
export type Reading =
  | { intent: 'grant'; patientId: string; terms: ConsentTerms }
  | { intent: 'revoke'; patientId: string }
  | { issues: Issue[] }

/**
 * `resource` must be a Consent that @careseal/fhir finds valid; `fhirBase` is this server's own base URL, so that
 * absolute references to its resources are understood.
 */
export function readConsent(resource: JsonObject, fhirBase: string): Reading {
  const issues: Issue[] = []
  const patientId = referenceTo(['Patient'], resource.patient, fhirBase)?.id
  if (patientId === undefined) issues.push(errorIssue('required', ownReference('Patient'), 'Consent.patient'))
  if (resource.status === 'inactive' || resource.status === 'entered-in-error') {
    return patientId === undefined ? { issues } : { intent: 'revoke', patientId }
  }
  issues.push(...rootIssues(resource))
  const provision = isObject(resource.provision) ? resource.provision : {}
  const effect = effectOf(resource, provision, issues)
  const terms = { ...who(provision, fhirBase, issues), ...why(provision, issues), ...when(provision, issues) }
  issues.push(...provisionIssues(provision))
  if (patientId === undefined || effect === null || issues.length > 0) return { issues }
  return { intent: 'grant', patientId, terms: { effect, ...terms } }
}

function rootIssues(resource: JsonObject): Issue[] {
  const missing = ['category', 'dateTime', 'provision'].filter((name) => resource[name] === undefined)
  const issues = missing.map((name) => errorIssue('required', 'An active consent must have it.', `Consent.${name}`))
  if (resource.status !== 'active') issues.push(unsupported('Only active consents are accepted.', 'Consent.status'))
  if (!hasCoding(resource.scope, CONSENT_SCOPE, ['patient-privacy'])) {
    issues.push(unsupported('Only the scope patient-privacy is enforced.', 'Consent.scope'))
  }
  if (resource.policy === undefined && resource.policyRule === undefined) {
    issues.push(errorIssue('invariant', 'ppc-1: either a policy or a policyRule.', 'Consent.policy'))
  }
  const modifiers = ['implicitRules', 'modifierExtension'].filter((name) => resource[name] !== undefined)
  issues.push(...modifiers.map((name) => unsupported(NOT_ENFORCED, `Consent.${name}`)))
  list(resource.verification).forEach((verification, at) => {
    if (isObject(verification) && verification.verified === true) return
    issues.push(unsupported('An unverified consent is not enforced.', `Consent.verification[${at}].verified`))
  })
  return issues
}

/** R4 forbids a type in the root provision and IHE PCF demands it: with a type it counts, without one OPTIN or OPTOUT. */
function effectOf(resource: JsonObject, provision: JsonObject, issues: Issue[]): ConsentTerms['effect'] | null {
  const byRule = ruleEffect(resource.policyRule)
  const byType = provision.type === 'permit' || provision.type === 'deny' ? provision.type : null
  if (byType !== null && byRule !== null && byType !== byRule) {
    issues.push(errorIssue('business-rule', 'It contradicts policyRule.', 'Consent.provision.type'))
  }
  if (byType === null && byRule === null) {
    const need = 'Needed, unless policyRule is OPTIN or OPTOUT of v3-ActCode.'
    issues.push(errorIssue('required', need, 'Consent.provision.type'))
  }
  return byType ?? byRule
}

function ruleEffect(policyRule: Json | undefined): ConsentTerms['effect'] | null {
  if (hasCoding(policyRule, ACT_CODE, ['OPTOUT'])) return 'deny'
  return hasCoding(policyRule, ACT_CODE, ['OPTIN']) ? 'permit' : null
}

const ENFORCED = ['type', 'period', 'actor', 'action', 'purpose', 'id', 'extension']

function provisionIssues(provision: JsonObject): Issue[] {
  const unknown = Object.keys(provision).filter((name) => !ENFORCED.includes(name))
  const issues = unknown.map((name) => unsupported(NOT_ENFORCED, `Consent.provision.${name}`))
  list(provision.action).forEach((action, at) => {
    if (hasCoding(action, CONSENT_ACTION, ['access'])) return
    issues.push(unsupported('Only the action access is enforced.', `Consent.provision.action[${at}]`))
  })
  return issues
}

function who(provision: JsonObject, fhirBase: string, issues: Issue[]): Pick<ConsentTerms, 'grantees'> {
  const grantees = list(provision.actor).flatMap((actor, at) => {
    const path = `Consent.provision.actor[${at}]`
    const { role, reference, modifierExtension } = isObject(actor) ? actor : {}
    if (modifierExtension !== undefined) issues.push(unsupported(NOT_ENFORCED, `${path}.modifierExtension`))
    if (!hasCoding(role, PARTICIPATION, ['IRCP', 'PRCP'])) {
      issues.push(unsupported('Only recipients (IRCP, PRCP) are enforced.', `${path}.role`))
    }
    const found = referenceTo(['Practitioner', 'Organization'], reference, fhirBase)
    if (found === null) issues.push(unsupported(ownReference('Practitioner or Organization'), `${path}.reference`))
    return found === null ? [] : [granteeOf(found)]
  })
  return { grantees: [...new Map(grantees.map((grantee) => [`${grantee.kind}/${grantee.id}`, grantee])).values()] }
}

function granteeOf({ type, id }: { type: string; id: string }): Grantee {
  return { kind: type === 'Practitioner' ? 'practitioner' : 'organization', id }
}

function why(provision: JsonObject, issues: Issue[]): Pick<ConsentTerms, 'purposes'> {
  const purposes = list(provision.purpose).flatMap((coding, at) => {
    const { system, code } = isObject(coding) ? coding : {}
    const known = PurposeOfUse.safeParse(code)
    if (system === ACT_REASON && known.success) return [known.data]
    const can = `Only these of v3-ActReason are enforced: ${PurposeOfUse.options.join(', ')}.`
    issues.push(unsupported(can, `Consent.provision.purpose[${at}]`))
    return []
  })
  return { purposes: [...new Set(purposes)] }
}

/**
 * A FHIR period includes its end, at the precision given: until 2022-12-31 means until 2023-01-01T00:00:00Z, exclusive.
 * A bound beyond all instants that an event can name is none: until 9999-12-31 means for ever.
 */
function when(provision: JsonObject, issues: Issue[]): Pick<ConsentTerms, 'periodStart' | 'periodEnd'> {
  const { start, end } = isObject(provision.period) ? provision.period : {}
  const [starts, ends] = [rangeOf(start), rangeOf(end)]
  if (starts === null || (starts && starts.from > LAST_INSTANT)) issues.push(badDate('start'))
  if (ends === null || (ends && ends.until < FIRST_INSTANT)) issues.push(badDate('end'))
  return {
    ...(starts && starts.from >= FIRST_INSTANT ? { periodStart: new Date(starts.from).toISOString() } : {}),
    ...(ends && ends.until <= LAST_INSTANT ? { periodEnd: new Date(ends.until).toISOString() } : {}),
  }
}

// An event names its instants with four digits of the year.
const FIRST_INSTANT = Date.parse('0000-01-01T00:00:00.000Z')
const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z')

function badDate(bound: 'start' | 'end'): Issue {
  return errorIssue('value', 'Not a date that is understood.', `Consent.provision.period.${bound}`)
}

function rangeOf(date: Json | undefined) {
  return typeof date === 'string' ? instantRange(date) : undefined
}

/** Ids of this server are UUIDs in lower case that events may hold; nothing else is ever looked up. */
export function isServerId(id: string): boolean {
  return id === id.toLowerCase() && ServerId.safeParse(id).success
}

/** The type and id of a literal reference to one of this server's resources, or null. */
export function referenceTo(
  types: readonly string[],
  reference: Json | undefined,
  fhirBase: string,
): { type: string; id: string } | null {
  const literal = isObject(reference) && typeof reference.reference === 'string' ? reference.reference : ''
  const relative = literal.startsWith(`${fhirBase}/`) ? literal.slice(fhirBase.length + 1) : literal
  const [type = '', id = '', ...rest] = relative.split('/')
  return types.includes(type) && isServerId(id) && rest.length === 0 ? { type, id } : null
}

function hasCoding(concept: Json | undefined, system: string, codes: readonly string[]): boolean {
  if (!isObject(concept)) return false
  return list(concept.coding).some(
    (coding) => isObject(coding) && coding.system === system && codes.includes(String(coding.code)),
  )
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}

const NOT_ENFORCED = 'This element is not enforced yet, so a consent that has it is refused.'

const ownReference = (type: string) => `A literal reference to a ${type} of this server is needed.`

function unsupported(diagnostics: string, expression: string): Issue {
  return errorIssue('not-supported', diagnostics, expression)
}
