import { serviceConfig } from '@careseal/service-kit'
import { z } from 'zod'

/** The environment of identity. Who changes BOOTSTRAP_CLIENTS_FILE can make himself an operator at the next start. */
export const identityConfig = z.object({
  ...serviceConfig,
  BOOTSTRAP_CLIENTS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('path of a JSON file with the clients to register at start: [{clientId, name, role, jwk, accountId?}]'),
})

export type IdentityConfig = z.infer<typeof identityConfig>
