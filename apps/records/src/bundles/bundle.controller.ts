import { Body, Controller, HttpCode, Post, Req, Res, UseInterceptors } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { callerOf, Requires } from '@careseal/authz'
import { parseBundle } from '@careseal/fhir'
import { FhirMediaInterceptor, HttpProblem } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { preferencesOf, sendFhir } from '../http/fhir-reply.js'
import { writeContext } from '../http/request-context.js'
import { AnswerBudget } from '../reading/answer-budget.js'
import { BatchService } from './batch.service.js'
import { TransactionService } from './transaction.service.js'

/** Transactions and batches. Scopes are judged per entry. */
@ApiTags('bundles')
@Controller('fhir')
@UseInterceptors(FhirMediaInterceptor)
export class BundleController {
  constructor(
    private readonly transactions: TransactionService,
    private readonly batches: BatchService,
    private readonly budget: AnswerBudget,
  ) {}

  @Post()
  @HttpCode(200)
  @Requires({})
  async execute(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const bundle = parseBundle(body)
    if (!bundle.ok)
      throw new HttpProblem(bundle.status, 'bad-bundle', 'The bundle is refused.', { issues: bundle.issues })
    const representation = preferencesOf(request).return === 'representation'
    const answer =
      bundle.kind === 'transaction'
        ? await this.transactions.run(bundle.entries, writeContext(request, body), { representation })
        : await this.batches.run(bundle, request, {
            representation,
            caller: callerOf(request),
            bytesMax: this.budget.bytesMax,
          })
    sendFhir(reply, 200, answer)
  }
}
