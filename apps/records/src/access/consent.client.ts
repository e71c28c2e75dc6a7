// Asks the consent primary, through a circuit breaker, and fails closed: no answer, nothing released, nothing written.
import { Inject, Injectable } from '@nestjs/common'
import type { AccessAction, Caller, CommandReply, PurposeOfUse } from '@careseal/contracts'
import { request, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { HttpProblem } from '@careseal/service-kit'
import type { Permit, Permits } from './permit.js'

export type Question = {
  caller: Caller
  purpose: PurposeOfUse
  action: AccessAction
  patientIds: readonly string[]
  /** Patients that this very request creates. */
  born?: readonly string[]
  /** Patients of existing records of others that are to be changed. */
  changes?: readonly string[]
  types: readonly string[]
}

/** The most patients that consent decides on in one request. */
export const PATIENTS_MAX = 500

const DEADLINE_MS = 4_000

@Injectable()
export class ConsentClient {
  constructor(@Inject(NATS) private readonly nc: NatsConnection) {}

  /** One decision per patient, each an event in consent before it is answered. Throws 503 when consent is unreachable. */
  async decide(question: Question): Promise<Permits> {
    const { caller, purpose, action, patientIds, born = [], changes = [], types } = question
    const asked = [...new Set(patientIds)]
    if (asked.length === 0) return new Map()
    if (asked.length > PATIENTS_MAX) throw tooManyPatients()
    const about = { patientIds: asked, born: [...born], changes: [...changes] }
    const payload = { caller, ...about, action, types: [...new Set(types)], purpose }
    const sentAtMs = performance.now()
    const { decisions } = await failClosed(() =>
      request(this.nc, 'consent', 'decide-access', payload, { deadlineMs: DEADLINE_MS }),
    )
    return new Map(decisions.flatMap((decision) => permitOf(decision, sentAtMs)).map((one) => [one.patientId, one]))
  }

  /** The patients whose records the caller may reach. `complete` is false when there are more than 500. */
  async reachable(caller: Caller, purpose: PurposeOfUse): Promise<{ patientIds: string[]; complete: boolean }> {
    return failClosed(() =>
      request(this.nc, 'consent', 'reachable-patients', { caller, purpose }, { deadlineMs: DEADLINE_MS }),
    )
  }
}

function permitOf(decision: CommandReply<'decide-access'>['decisions'][number], sentAtMs: number): Permit[] {
  if (!decision.permitted) return []
  const { patientId, permitId, validForMs } = decision
  return [{ patientId, permitId, expiresAtMs: sentAtMs + validForMs }]
}

async function failClosed<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw new HttpProblem(503, 'consent-unavailable', 'Access cannot be decided now; try again.', {
      cause,
      headers: { 'retry-after': '2' },
    })
  }
}

/** 422 with the issue code too-costly. */
export function tooManyPatients(): HttpProblem {
  const detail = `The request concerns more than ${PATIENTS_MAX} patients.`
  const issue = { severity: 'error' as const, code: 'too-costly', diagnostics: detail }
  return new HttpProblem(422, 'too-costly', detail, { issues: [issue] })
}
