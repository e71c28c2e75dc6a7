// Who must permit a write, and what is answered when one does not: nothing that tells whether a resource exists.
import { Injectable } from '@nestjs/common'
import type { Caller, PurposeOfUse } from '@careseal/contracts'
import { ConsentClient } from '../access/consent.client.js'
import { allPermit, type Permits } from '../access/permit.js'
import { notFoundToWrite, roleDenied, writeDenied } from '../access/refusals.js'
import { BundleRefused } from './bundle-refused.js'
import type { PlannedWrite } from './write-plan.js'
import { bornIn, isSelf, nameOf, patientsOf, WriteTargeting, type WriteTargets } from './write-targets.js'

@Injectable()
export class WriteAuthorisation {
  constructor(
    private readonly targeting: WriteTargeting,
    private readonly consent: ConsentClient,
  ) {}

  /** What `permitted` is asked about. Throws 404 for an unknown resource, 422 for too many patients. */
  targetsOf(writes: readonly PlannedWrite[]): Promise<WriteTargets> {
    return this.targeting.targetsOf(writes)
  }

  /**
   * One permit per patient for the whole request. Throws 404 or 403 where one denies, 503 without consent.
   *
   * A patient who is not here is answered as one who denies. What is written on is judged before whom it names: else
   * a patient who is not here would tell whether the resource exists.
   */
  async permitted(targets: WriteTargets, caller: Caller, purpose: PurposeOfUse): Promise<Permits> {
    const { writes, heads, absent } = targets
    const named = patientsOf(writes).filter((id) => !absent.has(id))
    const permits = await this.consent.decide({
      caller,
      purpose,
      action: 'write',
      patientIds: [...patientsOf(heads.values()), ...named],
      born: bornIn(writes),
      changes: changedBy(caller, targets),
      types: writes.map((write) => write.type),
    })
    for (const write of writes) {
      const head = heads.get(nameOf(write))
      if (head && !allPermit(permits, head.patientIds)) throw new BundleRefused(notFoundToWrite(), write.where)
    }
    for (const write of writes) assertPermitted(write, { permits, targets, caller })
    return permits
  }
}

/** The patients of existing records that somebody else wrote last. Whose own they are adds to what it added before. */
function changedBy(caller: Caller, { heads, writers }: WriteTargets): string[] {
  const others = [...heads].filter(([name]) => caller.memberId === undefined || writers.get(name) !== caller.memberId)
  return patientsOf(others.map(([, head]) => head))
}

function assertPermitted(
  write: PlannedWrite,
  { permits, targets, caller }: { permits: Permits; targets: WriteTargets; caller: Caller },
): void {
  const namesAbsent = write.resource && write.patientIds.some((id) => targets.absent.has(id) && !isSelf(write, id))
  if (namesAbsent || !allPermit(permits, write.patientIds)) throw writeDenied(write.where)
  const nobodys = write.patientIds.length === 0 || targets.heads.get(nameOf(write))?.patientIds.length === 0
  if (nobodys && !['system', 'practitioner', 'operator'].includes(caller.role)) throw roleDenied(write.where)
}
