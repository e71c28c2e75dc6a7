// Environment of the consent service. Who can change it decides who may read whose records.
import { DEFAULT_POLICIES } from '@careseal/consent-policy'
import { Role } from '@careseal/contracts'
import { serviceConfig } from '@careseal/service-kit'
import { z } from 'zod'

const recorderRoles = z.array(Role.extract(['practitioner', 'system']))

export const config = z.object({
  ...serviceConfig,
  /** What holds for reading where no consent speaks. Who sets `basic-normal` opens every record to all members. */
  CONSENT_DEFAULT_POLICY: z.enum(DEFAULT_POLICIES).default('deny').describe('deny or basic-normal, as in IHE PCF'),
  /** `permit`: members may add where no consent denies. With `deny` a laboratory needs a consent to file a result. */
  CONSENT_DEFAULT_WRITE: z.enum(['permit', 'deny']).default('permit').describe('permit or deny'),
  /** Who may write consents down for patients. Who adds a role here lets it open records in the patients' names. */
  CONSENT_RECORDERS: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(recorderRoles)
    .describe('empty, or practitioner and system separated by a comma'),
})
export type ConsentConfig = z.infer<typeof config>
