import { Controller, Get, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import type { FastifyReply } from 'fastify'
import { capabilityStatement } from './capability-statement.js'
import { sendFhir } from './fhir-reply.js'
import { ServerBase } from './server-base.js'
import { smartConfiguration } from './smart-configuration.js'

/** What this server can do, for clients that have no token yet. */
@ApiTags('capabilities')
@Controller('fhir')
@Public()
export class CapabilityController {
  constructor(private readonly base: ServerBase) {}

  @Get('metadata')
  metadata(@Res() reply: FastifyReply): void {
    sendFhir(reply, 200, capabilityStatement(this.base))
  }

  @Get('.well-known/smart-configuration')
  smart(@Res() reply: FastifyReply): void {
    void reply.header('content-type', 'application/json').send(JSON.stringify(smartConfiguration(this.base.origin)))
  }
}
