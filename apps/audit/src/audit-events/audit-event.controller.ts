// FHIR AuditEvent, read-only. It stands behind the records service, which forwards /fhir/AuditEvent unchanged.
import { Controller, Get, Param, Query, Res, UseInterceptors } from '@nestjs/common'
import { CurrentCaller, Requires } from '@careseal/authz'
import type { Caller } from '@careseal/contracts'
import { FhirMediaInterceptor, HttpProblem } from '@careseal/service-kit'
import type { FastifyReply } from 'fastify'
import { AccessLogReader } from '../access-log/access-log.reader.js'
import { AuditRefusals } from '../access-log/audit.refusals.js'
import { encodeCursor } from '../access-log/paging.js'
import { serverIdOf } from '../access-log/server-id.js'
import { parseAuditSearch, type AuditParameters } from './audit-search.js'
import { auditEventOf, type BalpContext } from './balp.js'

export class AuditEventContext {
  constructor(readonly balp: BalpContext) {}
}

@Controller('fhir/AuditEvent')
@UseInterceptors(FhirMediaInterceptor, AuditRefusals)
export class AuditEventController {
  constructor(
    private readonly reader: AccessLogReader,
    private readonly context: AuditEventContext,
  ) {}

  @Get()
  @Requires({ roles: ['patient', 'auditor'], fhir: 's', type: 'AuditEvent' })
  async search(
    @CurrentCaller() caller: Caller,
    @Query() parameters: AuditParameters,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { fhirBase } = this.context.balp
    const { patientId, page: asked } = parseAuditSearch(parameters, fhirBase)
    const page = patientId === null ? null : await this.reader.page(caller, patientId, asked)
    fhirJson(reply)
    if (page === null || patientId === null)
      return searchset({ total: 0, links: [selfLink(fhirBase, parameters)], entry: [] })
    const links = [selfLink(fhirBase, parameters)]
    if (page.next !== null) links.push(nextLink(fhirBase, parameters, encodeCursor(page.next)))
    const entry = page.lines.map((line) => ({
      fullUrl: `${fhirBase}/AuditEvent/${line.eventId}`,
      resource: auditEventOf(line, patientId, this.context.balp),
      search: { mode: 'match' },
    }))
    return searchset({ total: page.total, links, entry })
  }

  @Get(':id')
  @Requires({ roles: ['patient', 'auditor'], fhir: 'r', type: 'AuditEvent' })
  async read(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const eventId = serverIdOf(id)
    const found = eventId === null ? null : await this.reader.line(caller, eventId)
    if (found === null) throw new HttpProblem(404, 'not-found', 'There is no such AuditEvent.')
    fhirJson(reply)
    void reply.header('etag', `W/"${found.line.eventId}"`).header('last-modified', found.line.occurredAt.toUTCString())
    return auditEventOf(found.line, found.patientId, this.context.balp)
  }
}

type Link = { relation: string; url: string }

function searchset({ total, links, entry }: { total: number; links: Link[]; entry: object[] }) {
  return { resourceType: 'Bundle', type: 'searchset', total, link: links, ...(entry.length > 0 ? { entry } : {}) }
}

function selfLink(fhirBase: string, parameters: AuditParameters): Link {
  return { relation: 'self', url: `${fhirBase}/AuditEvent?${queryOf(parameters)}` }
}

function nextLink(fhirBase: string, parameters: AuditParameters, cursor: string): Link {
  return { relation: 'next', url: `${fhirBase}/AuditEvent?${queryOf({ ...parameters, _cursor: cursor })}` }
}

function queryOf(parameters: AuditParameters): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one]))
  return new URLSearchParams(pairs as [string, string][]).toString()
}

function fhirJson(reply: FastifyReply): void {
  void reply.header('content-type', 'application/fhir+json; charset=utf-8').header('cache-control', 'no-store')
}
