import { All, Controller, Req, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Requires } from '@careseal/authz'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ForwardService } from './forward.service.js'

/** Types of other services under the one FHIR base; those services judge scope and access themselves. */
@ApiExcludeController()
@Controller('fhir')
export class ForwardController {
  constructor(private readonly forwards: ForwardService) {}

  @All(['Consent', 'Consent/*'])
  @Requires({})
  async consent(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.forwards.forward('Consent', request, reply)
  }

  @All(['AuditEvent', 'AuditEvent/*'])
  @Requires({})
  async auditEvent(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.forwards.forward('AuditEvent', request, reply)
  }
}
