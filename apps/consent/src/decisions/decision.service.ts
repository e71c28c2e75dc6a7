// Takes access decisions on the consent primary, and writes each as an event before it is answered.
import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { permits } from '@careseal/authz'
import { judge, type ConsentRule, type DeploymentPolicy, type Judgement } from '@careseal/consent-policy'
import type { CommandReply, COMMANDS, EventData } from '@careseal/contracts'
import { EventStore, type NewEvent, type Tx } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { EventTransactions } from '@careseal/nest-event-store'
import type { z } from 'zod'
import { consentsAtHead } from '../active-consents/active-consents.query.js'

export type Question = z.output<(typeof COMMANDS)['decide-access']['request']>
type Answer = CommandReply<'decide-access'>['decisions'][number]
type Taken = { answer: Answer; event: NewEvent | null }

/** How long a permit may be used, counted by the asking service from the sending of its request. */
export const PERMIT_VALID_MS = 5_000

export class DecisionPolicy {
  constructor(readonly policy: DeploymentPolicy) {}
}

@Injectable()
export class DecisionService {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
    private readonly keys: SubjectKeys,
    private readonly deployment: DecisionPolicy,
  ) {}

  /**
   * Decides for each patient, in the order asked, in one transaction. A revocation that was acknowledged before this
   * began is seen; one that is under way is waited for.
   *
   * If we crash here before COMMIT, nothing was decided; after it, an unused permit stands in the log and harms nobody.
   */
  async decide(question: Question): Promise<Answer[]> {
    const work = async (tx: Tx) => {
      const active = await this.keys.acquire(tx.sql, question.patientIds, { create: true, erased: 'omit' })
      const { atMs, consents } = await consentsAtHead(tx.sql, [...active.keys()])
      const taken = question.patientIds.map((patientId) =>
        active.has(patientId)
          ? decisionOf(question, { patientId, atMs, consents: consents.get(patientId) ?? [] }, this.deployment.policy)
          : erased(patientId),
      )
      const events = taken.flatMap(({ event }) => event ?? [])
      await this.store.append(tx.sql, events, active)
      return taken.map(({ answer }) => answer)
    }
    return this.transactions.runWithRetry(work, 'decision.commit')
  }
}

// Nothing can be written under a subject whose key is destroyed, so this denial alone leaves no event.
function erased(patientId: string): Taken {
  return { answer: { permitted: false, patientId, reason: 'subject-erased' }, event: null }
}

function decisionOf(
  question: Question,
  about: { patientId: string; atMs: number; consents: ConsentRule[] },
  policy: DeploymentPolicy,
): Taken {
  const { patientId, atMs, consents } = about
  const { caller: requester, action, purpose } = question
  const [born, changes] = [question.born.includes(patientId), question.changes.includes(patientId)]
  const asked = { requester, patientId, action, purpose, atMs, born, changes }
  const judgement = mayAsk(question) ? judge(asked, consents, policy) : OUT_OF_SCOPE
  return record(question, patientId, judgement)
}

const OUT_OF_SCOPE: Judgement = { permitted: false, reason: 'role-not-allowed', reasons: [] }

/** The token's scopes, once more: whoever calls this service must not be able to write with a token for reading. */
function mayAsk({ caller, action, types }: Question): boolean {
  const interactions = action === 'write' ? (['c', 'u', 'd'] as const) : (['r', 's'] as const)
  return types.every((type) => interactions.some((interaction) => permits(caller.scopes, interaction, type)))
}

function record(question: Question, patientId: string, judgement: Judgement): Taken {
  const id = randomUUID()
  const place = { streamId: `decision-${id}`, expectedVersion: 0, subjectId: patientId }
  const access = accessOf(question, patientId)
  if (!judgement.permitted) {
    const data: EventData<'AccessDenied'> = { ...access, decisionId: id, reason: judgement.reason }
    const answer = { permitted: false as const, patientId, reason: judgement.reason }
    return { answer, event: { ...place, type: 'AccessDenied', data } }
  }
  const { basis, consentVersionId } = judgement
  const data: EventData<'AccessPermitted'> = { ...access, permitId: id, basis, consentVersionId }
  const answer = { permitted: true as const, patientId, permitId: id, validForMs: PERMIT_VALID_MS }
  return { answer, event: { ...place, type: 'AccessPermitted', data } }
}

function accessOf({ caller, action, purpose, types }: Question, patientId: string) {
  const { accountId: actorId, role, memberId } = caller
  return { actorId, role, memberId, patientId, purpose, action, types: [...new Set(types)].toSorted() }
}
