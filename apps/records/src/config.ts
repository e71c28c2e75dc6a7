import { serviceConfig } from '@careseal/service-kit'
import { z } from 'zod'

/** The environment of records. Who changes CONSENT_URL or AUDIT_URL reads the tokens of those who use Consent. */
export const recordsConfig = z.object({
  ...serviceConfig,
  CONSENT_URL: z
    .url({ protocol: /^https?$/ })
    .describe('internal base URL of consent, for example http://127.0.0.1:7102'),
  AUDIT_URL: z.url({ protocol: /^https?$/ }).describe('internal base URL of audit, for example http://127.0.0.1:7104'),
})
export type RecordsConfig = z.infer<typeof recordsConfig>

/** Injection token of the configuration. */
export const RECORDS_CONFIG = Symbol('records configuration')
