// Environment of the audit service. Who can change it can keep accesses out of the patients' sight.
import { serviceConfig } from '@careseal/service-kit'
import { z } from 'zod'

export const config = z.object(serviceConfig)
export type AuditConfig = z.infer<typeof config>
