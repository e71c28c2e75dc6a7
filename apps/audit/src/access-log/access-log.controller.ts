// Who asked for, saw or changed a patient's records: for the patient, and for auditors.
import { Controller, Get, Param, Query, Res, UseInterceptors } from '@nestjs/common'
import { CurrentCaller, Requires } from '@careseal/authz'
import { ServerId, type Caller } from '@careseal/contracts'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ReceiptService } from '../receipts/receipt.service.js'
import { AccessLogReader } from './access-log.reader.js'
import { accessView } from './access-log.view.js'
import { AuditRefusals } from './audit.refusals.js'
import { decodeCursor, encodeCursor } from './paging.js'
import { serverIdOf } from './server-id.js'

const PAGE_MAX = 200

const AccessParameters = z.strictObject({
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  actor: ServerId.toLowerCase().optional(),
  outcome: z.enum(['success', 'denied']).optional(),
  count: z.coerce.number().int().min(1).max(PAGE_MAX).default(50),
  cursor: z.string().optional(),
})
type AccessParameters = z.infer<typeof AccessParameters>

// The same log as AuditEvent shows, so the same scope opens it: a token for Observations alone does not.
@Controller('audit/patients/:patientId/accesses')
@UseInterceptors(AuditRefusals)
export class AccessLogController {
  constructor(
    private readonly reader: AccessLogReader,
    private readonly receipts: ReceiptService,
  ) {}

  @Get()
  @Requires({ roles: ['patient', 'auditor'], fhir: 's', type: 'AuditEvent' })
  async list(
    @CurrentCaller() caller: Caller,
    @Param('patientId') asPatient: string,
    @Query({ schema: AccessParameters }) parameters: AccessParameters,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const patientId = serverIdOf(asPatient)
    const page = patientId === null ? null : await this.reader.page(caller, patientId, asked(parameters))
    if (patientId === null || page === null) throw unknownPatient()
    const next = page.next === null ? null : nextPath(patientId, parameters, encodeCursor(page.next))
    if (next !== null) void reply.header('link', `<${next}>; rel="next"`)
    void reply.header('cache-control', 'no-store')
    const accesses = page.lines.map((line) => accessView(line, patientId))
    return { patientId, total: page.total, accesses, ...(next === null ? {} : { next }) }
  }

  /** The proof that an access stands in the ledger; it verifies offline. */
  @Get(':eventId/receipt')
  @Requires({ roles: ['patient', 'auditor'], fhir: 'r', type: 'AuditEvent' })
  async receipt(
    @CurrentCaller() caller: Caller,
    @Param() named: { patientId: string; eventId: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const eventId = serverIdOf(named.eventId)
    const found = eventId === null ? null : await this.reader.line(caller, eventId)
    if (found === null || found.patientId !== serverIdOf(named.patientId)) throw unknownPatient()
    void reply.header('cache-control', 'no-store')
    return this.receipts.receiptOf(caller, found.line)
  }
}

function asked({ since, until, actor, outcome, count, cursor }: AccessParameters) {
  return {
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
    actorId: actor,
    outcome,
    after: cursor === undefined ? undefined : decodeCursor(cursor),
    limit: count,
  }
}

function nextPath(patientId: string, { cursor: _here, ...rest }: AccessParameters, cursor: string): string {
  const given = Object.entries({ ...rest, cursor }).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))
  return `/audit/patients/${patientId}/accesses?${query}`
}

function unknownPatient(): HttpProblem {
  return new HttpProblem(404, 'not-found', 'There is no such access log.')
}
