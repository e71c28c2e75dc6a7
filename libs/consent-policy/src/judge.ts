// The access decision for one patient: roles first, then the patient's consents, then the deployment's default.
// Whatever no rule permits is denied.
import type { AccessAction, EventData, PurposeOfUse, Role } from '@careseal/contracts'
import { defaultPermits, isOfMember, type DefaultPolicy } from './default-policy.js'
import { evaluate, type ConsentRule, type PolicyRequest, type Reason } from './evaluate.js'

/** The requester as far as policy looks at it: the ids of `Caller`, without scopes. */
export type Requester = {
  role: Role
  memberId?: string | undefined
  practitionerId?: string | undefined
  organizationId?: string | undefined
  patientId?: string | undefined
}

export type AccessQuestion = {
  requester: Requester
  patientId: string
  action: AccessAction
  purpose: PurposeOfUse
  /** Unix milliseconds, from the database that decides. */
  atMs: number
  /** The asking service is about to create this patient, so no consent can exist yet. */
  born: boolean
  /** A write changes what somebody else wrote about this patient; otherwise it adds. Without meaning for reads. */
  changes: boolean
}

/**
 * `read` decides reads, and changes of what others wrote, that no consent speaks of. `write` decides whether members may
 * add to a record without the patient's consent: with `deny`, all writing needs a consent that permits.
 */
export type DeploymentPolicy = { read: DefaultPolicy; write: 'permit' | 'deny' }

export type PermitBasis = EventData<'AccessPermitted'>['basis']
export type DenialReason = EventData<'AccessDenied'>['reason']

/** The decision with what it rests on; `reasons` is empty when consents were not looked at. */
export type Judgement =
  | { permitted: true; basis: PermitBasis; consentVersionId?: string; reasons: Reason[] }
  | { permitted: false; reason: DenialReason; consentVersionId?: string; reasons: Reason[] }

/**
 * Judges one question over all active consents of the patient.
 *
 * - A patient reads the own record, nobody else's, and writes none.
 * - Operators and auditors neither read nor write records.
 * - Practitioners and systems must belong to a member. A born patient's record is theirs to start. They read, and change
 *   what others wrote, by consent, else by `policy.read`; they add by `policy.write`, unless a consent denies.
 */
export function judge(question: AccessQuestion, consents: readonly ConsentRule[], policy: DeploymentPolicy): Judgement {
  const { requester, action } = question
  if (requester.role === 'patient') return judgePatient(question)
  if (!isOfMember(requester)) return { permitted: false, reason: 'role-not-allowed', reasons: [] }
  return action === 'write' ? judgeWrite(question, consents, policy) : judgeByConsent(question, consents, policy.read)
}

function judgePatient({ requester, patientId, action }: AccessQuestion): Judgement {
  return action === 'read' && requester.patientId === patientId
    ? { permitted: true, basis: 'own-record', reasons: [] }
    : { permitted: false, reason: 'role-not-allowed', reasons: [] }
}

function judgeWrite(question: AccessQuestion, consents: readonly ConsentRule[], policy: DeploymentPolicy): Judgement {
  if (question.born) return { permitted: true, basis: 'custodian', reasons: [] }
  if (policy.write === 'deny') return judgeByConsent(question, consents, 'deny')
  return judgeByConsent(question, consents, question.changes ? policy.read : 'permit')
}

/** `otherwise` is what holds where no consent applies. */
function judgeByConsent(
  question: AccessQuestion,
  consents: readonly ConsentRule[],
  otherwise: DefaultPolicy | 'permit',
): Judgement {
  const { decisive, reasons } = evaluate(consents, policyRequest(question))
  if (decisive?.effect === 'permit') {
    return { permitted: true, basis: 'consent', consentVersionId: decisive.versionId, reasons }
  }
  if (decisive?.effect === 'deny') {
    return { permitted: false, reason: 'consent-denies', consentVersionId: decisive.versionId, reasons }
  }
  const { requester, purpose } = question
  if (otherwise === 'permit' || defaultPermits(otherwise, { ...requester, purpose })) {
    return { permitted: true, basis: 'default-policy', reasons }
  }
  return { permitted: false, reason: withoutConsent(reasons, otherwise), reasons }
}

function policyRequest({ requester, purpose, atMs }: AccessQuestion): PolicyRequest {
  return { practitionerId: requester.practitionerId, organizationId: requester.organizationId, purpose, atMs }
}

function withoutConsent(reasons: readonly Reason[], policy: DefaultPolicy): DenialReason {
  const forOtherPurpose = reasons.some(({ effect, outcome }) => effect === 'permit' && outcome === 'other-purpose')
  if (forOtherPurpose) return 'purpose-not-allowed'
  return policy === 'deny' ? 'no-consent' : 'default-policy'
}
