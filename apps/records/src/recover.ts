import { recoverFromCommandLine } from '@careseal/nest-event-store'
import { recordsRecovery } from './recovery/records-recovery.js'

await recoverFromCommandLine({ service: 'records', entities: [], model: recordsRecovery })
