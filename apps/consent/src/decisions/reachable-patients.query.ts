// Which patients a caller may ask about: a hint for searches without a patient. Each of them still gets a decision of
// its own before anything is released.
import { Injectable } from '@nestjs/common'
import { judge, type Requester } from '@careseal/consent-policy'
import type { CommandReply, PurposeOfUse } from '@careseal/contracts'
import { DataSource, In } from 'typeorm'
import { ActiveConsent } from '../active-consents/active-consent.entity.js'
import { rulesByPatient } from '../active-consents/active-consents.query.js'
import { DecisionPolicy } from './decision.service.js'

export const REACHABLE_MAX = 500
const PAGE = 1_000
const PAGES_MAX = 20

@Injectable()
export class ReachablePatients {
  constructor(
    private readonly dataSource: DataSource,
    private readonly deployment: DecisionPolicy,
  ) {}

  /** At most 500 patients, ascending; `complete` is false when there may be more. */
  async list(requester: Requester, purpose: PurposeOfUse): Promise<CommandReply<'reachable-patients'>> {
    if (requester.role === 'patient') {
      return { patientIds: requester.patientId === undefined ? [] : [requester.patientId], complete: true }
    }
    const found: string[] = []
    let after = '00000000-0000-0000-0000-000000000000'
    for (let page = 0; page < PAGES_MAX; page++) {
      const candidates = await this.candidates(requester, after)
      found.push(...(await this.permitted(requester, purpose, candidates)))
      if (found.length > REACHABLE_MAX) return { patientIds: found.slice(0, REACHABLE_MAX), complete: false }
      if (candidates.length < PAGE) return { patientIds: found, complete: true }
      after = candidates.at(-1)!
    }
    return { patientIds: found, complete: false }
  }

  /** Under a closed default only a permit that names the requester, or nobody, can open a record. */
  private async candidates(requester: Requester, after: string): Promise<string[]> {
    const sql =
      this.deployment.policy.read === 'deny'
        ? `SELECT DISTINCT patient_id FROM active_consent
           WHERE effect = 'permit' AND (grantees && $3::text[] OR grantees = '{}') AND patient_id > $1
           ORDER BY patient_id LIMIT $2`
        : 'SELECT patient_id FROM consent_head WHERE patient_id > $1 AND $3::text[] IS NOT NULL ORDER BY 1 LIMIT $2'
    const names = granteeNames(requester)
    const rows = await this.dataSource.query<{ patient_id: string }[]>(sql, [after, PAGE, names])
    return rows.map((row) => row.patient_id)
  }

  private async permitted(requester: Requester, purpose: PurposeOfUse, patientIds: string[]): Promise<string[]> {
    const rows = await this.dataSource.manager.findBy(ActiveConsent, { patientId: In(patientIds) })
    const [clock] = await this.dataSource.query<{ at: Date }[]>('SELECT clock_timestamp() AS at')
    const consents = rulesByPatient(rows)
    const question = {
      requester,
      purpose,
      action: 'read' as const,
      atMs: clock!.at.getTime(),
      born: false,
      changes: false,
    }
    return patientIds.filter(
      (patientId) => judge({ ...question, patientId }, consents.get(patientId) ?? [], this.deployment.policy).permitted,
    )
  }
}

/** The names under which a consent may mention the requester. */
export function granteeNames({ practitionerId, organizationId }: Requester): string[] {
  return [
    ...(practitionerId === undefined ? [] : [`practitioner/${practitionerId}`]),
    ...(organizationId === undefined ? [] : [`organization/${organizationId}`]),
  ]
}
