import { AccessDetail, AccessLogEntry, SubjectNumber } from './access-log/access-log.entity.js'
import { KnownAccount, KnownMember } from './accounts/known-account.entity.js'

export const ENTITIES = [AccessLogEntry, AccessDetail, SubjectNumber, KnownAccount, KnownMember]
