import { recoverFromCommandLine } from '@careseal/nest-event-store'
import { AccountEntity } from './directory/account.entity.js'
import { ClientEntity } from './directory/client.entity.js'
import { MemberEntity } from './directory/member.entity.js'
import { identityRecovery } from './recovery/identity-recovery.js'

await recoverFromCommandLine({
  service: 'identity',
  entities: [AccountEntity, ClientEntity, MemberEntity],
  model: identityRecovery,
})
