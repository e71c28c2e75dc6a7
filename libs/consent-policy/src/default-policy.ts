// What holds for a patient who has said nothing that applies: the implicit policies of IHE PCF, by name.
import type { PurposeOfUse, Role } from '@careseal/contracts'
import { purposeCovers } from './purpose-of-use.js'

/**
 * `deny`: nobody reads without a consent. `basic-normal`: practitioners and systems of members read for treatment,
 * payment and operations. (PCF's `all-normal` and `break-glass-only` need labels, which are not enforced yet.)
 */
export const DEFAULT_POLICIES = ['deny', 'basic-normal'] as const
export type DefaultPolicy = (typeof DEFAULT_POLICIES)[number]

const basicPurposes: readonly PurposeOfUse[] = ['TREAT', 'HPAYMT', 'HOPERAT']

/** Does the policy let this requester read for this purpose, when no consent of the patient applies? */
export function defaultPermits(
  policy: DefaultPolicy,
  request: { role: Role; memberId?: string | undefined; purpose: PurposeOfUse },
): boolean {
  switch (policy) {
    case 'deny':
      return false
    case 'basic-normal':
      return isOfMember(request) && basicPurposes.some((purpose) => purposeCovers(purpose, request.purpose))
  }
}

/** Practitioners and client systems act for the member organisation that vouches for them. */
export function isOfMember({ role, memberId }: { role: Role; memberId?: string | undefined }): boolean {
  return (role === 'practitioner' || role === 'system') && memberId !== undefined
}
