import { recoverFromCommandLine } from '@careseal/nest-event-store'
import { ENTITIES } from './entities.js'
import { consentRecovery } from './recovery/consent-recovery.js'

await recoverFromCommandLine({ service: 'consent', entities: ENTITIES, model: consentRecovery })
