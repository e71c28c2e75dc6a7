import type { Caller } from '@careseal/contracts'
import type { OpenedEvent } from '@careseal/event-store'
import { OpenLeaf } from '@careseal/nest-event-store'
import { Injectable } from '@nestjs/common'

/** Identity's leaves are opened for whom they are about, and for nobody else. */
@Injectable()
export class OpenLeafPolicy {
  constructor(openLeaf: OpenLeaf) {
    openLeaf.authoriseWith(async (caller, event) => isAbout(caller, event))
  }
}

/** Whether the event's subject is the caller: as an account, as a patient, or as a member's system. */
export function isAbout(caller: Caller, { subjectId }: Pick<OpenedEvent, 'subjectId'>): boolean {
  const isMembersSystem = caller.role === 'system' && caller.memberId === subjectId
  return subjectId === caller.accountId || subjectId === caller.patientId || isMembersSystem
}
