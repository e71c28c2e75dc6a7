import { Body, Controller, Delete, Param, Post, Put, Req, Res, UseInterceptors } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Requires } from '@careseal/authz'
import { FhirMediaInterceptor, HttpProblem } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ResourceWrites, type WriteOutcome } from '../writing/resource-writes.service.js'
import { assertOwned, createOf, deleteOf, updateOf } from '../writing/write-requests.js'
import { ifMatchOf, preferencesOf, sendFhir } from './fhir-reply.js'
import { writeContext } from './request-context.js'
import { ServerBase } from './server-base.js'

type Params = { type: string; id: string }

/** create, update, delete. */
@ApiTags('resources')
@Controller('fhir')
@UseInterceptors(FhirMediaInterceptor)
export class WriteController {
  constructor(
    private readonly writes: ResourceWrites,
    private readonly base: ServerBase,
  ) {}

  @Post(':type')
  @Requires({ fhir: 'c' })
  async create(
    @Param('type') type: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    assertOwned(type)
    refuseConditional(request)
    const [outcome] = await this.writes.run([createOf(type, body)], writeContext(request, body))
    this.answer(request, reply, outcome!)
  }

  @Put(':type/:id')
  @Requires({ fhir: 'u' })
  async update(
    @Param() { type, id }: Params,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    assertOwned(type)
    const write = updateOf({ type, id }, body, ifMatchOf(request))
    const [outcome] = await this.writes.run([write], writeContext(request, body))
    this.answer(request, reply, outcome!)
  }

  @Delete(':type/:id')
  @Requires({ fhir: 'd' })
  async delete(
    @Param() { type, id }: Params,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    assertOwned(type)
    await this.writes.run([deleteOf({ type, id }, ifMatchOf(request))], writeContext(request, null))
    sendFhir(reply, 204)
  }

  private answer(request: FastifyRequest, reply: FastifyReply, outcome: WriteOutcome): void {
    if (outcome.location) void reply.header('location', this.base.url + outcome.location)
    if (outcome.etag) void reply.header('etag', outcome.etag)
    if (outcome.recordedAt) void reply.header('last-modified', outcome.recordedAt.toUTCString())
    const minimal = preferencesOf(request).return === 'minimal'
    sendFhir(reply, outcome.status, minimal ? undefined : outcome.resource)
  }
}

function refuseConditional(request: FastifyRequest): void {
  if (request.headers['if-none-exist'] === undefined) return
  throw new HttpProblem(412, 'not-supported', 'Conditional creation is not supported.')
}
