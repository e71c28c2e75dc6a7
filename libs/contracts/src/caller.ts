import { z } from 'zod'
import { Role, ServerId } from './vocabulary.js'

/**
 * Who calls, as a verified access token says. Every decision and every event names the caller by these ids alone.
 *
 * `practitionerId` and `organizationId` are ids of FHIR resources, for consents name those; `memberId` is the member
 * organisation as identity knows it. `patientId` is set for a patient's own account.
 */
export const Caller = z.strictObject({
  accountId: ServerId,
  clientId: z.string(),
  role: Role,
  memberId: ServerId.optional(),
  practitionerId: ServerId.optional(),
  organizationId: ServerId.optional(),
  patientId: ServerId.optional(),
  scopes: z.array(z.string()),
})
export type Caller = z.infer<typeof Caller>
