import type { EventData } from '@careseal/contracts'
import type { Tx } from '@careseal/event-store'
import type { LedgerEvent } from '@careseal/messaging'
import type { Projection } from '@careseal/nest-event-store'
import { Injectable } from '@nestjs/common'
import { KnownAccount, KnownMember } from './known-account.entity.js'

/** Accounts and members by id. A closed account stays known, for what it did stays in the log. */
@Injectable()
export class AccountsProjection implements Projection {
  async apply({ manager }: Tx, events: readonly LedgerEvent[]): Promise<void> {
    for (const { event } of events) {
      const account = accountOf(event.type, event.data)
      if (account !== null) await manager.upsert(KnownAccount, account, ['accountId'])
      if (event.type === 'MemberAdmitted') {
        const { memberId, kind, organizationId } = event.data as EventData<'MemberAdmitted'>
        await manager.upsert(KnownMember, { memberId, kind, organizationId: organizationId ?? null }, ['memberId'])
      }
    }
  }

  async truncate({ manager }: Tx): Promise<void> {
    await manager.createQueryBuilder().delete().from(KnownAccount).execute()
    await manager.createQueryBuilder().delete().from(KnownMember).execute()
  }
}

function accountOf(type: string, data: EventData): KnownAccount | null {
  switch (type) {
    case 'PractitionerRegistered': {
      const { accountId, memberId, practitionerId } = data as EventData<'PractitionerRegistered'>
      return { accountId, role: 'practitioner', memberId, practitionerId: practitionerId ?? null }
    }
    case 'PatientAccountOpened': {
      const { accountId } = data as EventData<'PatientAccountOpened'>
      return { accountId, role: 'patient', memberId: null, practitionerId: null }
    }
    case 'StaffAccountOpened': {
      const { accountId, role } = data as EventData<'StaffAccountOpened'>
      return { accountId, role, memberId: null, practitionerId: null }
    }
    default:
      return null
  }
}
