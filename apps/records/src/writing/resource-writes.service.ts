// From a write as it was asked for to what is stored and answered; for single requests and for whole bundles.
import { Injectable } from '@nestjs/common'
import type { Fhir, Issue, Resource } from '@careseal/fhir'
import type { IdempotentAnswer } from '@careseal/event-store'
import { HttpProblem } from '@careseal/service-kit'
import { ServerBase } from '../http/server-base.js'
import { planWrites, type PlannedWrite, type WriteRequest } from './write-plan.js'
import { WriteService, type WriteContext } from './write.service.js'

/** What became of one write; `resource` and `recordedAt` are unknown for an answer that was given before. */
export type WriteOutcome = IdempotentAnswer & { resource?: Resource; recordedAt?: Date }

/** The validator as an injectable. */
export class FhirValidator {
  constructor(readonly fhir: Fhir) {}
}

@Injectable()
export class ResourceWrites {
  constructor(
    private readonly validator: FhirValidator,
    private readonly base: ServerBase,
    private readonly writes: WriteService,
  ) {}

  /** Validates, asks consent, stores; outcomes in the order of `requests`. Throws 422 with every fault found. */
  async run(
    requests: readonly WriteRequest[],
    context: WriteContext,
    links: ReadonlyMap<string, string> = new Map(),
  ): Promise<WriteOutcome[]> {
    const earlier = await this.writes.earlier(context)
    if (earlier) return earlier.answers
    const plan = await planWrites(requests, { fhir: this.validator.fhir, links, base: this.base.url })
    if (!plan.ok) throw invalidResource(plan.issues)
    const written = await this.writes.write(plan.writes, context)
    if (written.replayed) return written.answers
    return written.answers.map((answer, place) => outcomeOf(answer, plan.writes[place]!))
  }
}

function outcomeOf(answer: IdempotentAnswer, { resource, recordedAt }: PlannedWrite): WriteOutcome {
  return { ...answer, recordedAt, ...(resource ? { resource } : {}) }
}

function invalidResource(issues: Issue[]): HttpProblem {
  return new HttpProblem(422, 'invalid-resource', 'The request holds a resource that is not valid FHIR R4.', { issues })
}
