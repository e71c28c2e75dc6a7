// FHIR R4 Consent over HTTP. It stands behind the records service, which forwards /fhir/Consent unchanged.
import { Body, Controller, Delete, Get, Param, Post, Put, Query, Req, Res, UseInterceptors } from '@nestjs/common'
import { CurrentCaller, Requires } from '@careseal/authz'
import type { Caller, Role } from '@careseal/contracts'
import { errorIssue, type JsonObject } from '@careseal/fhir'
import { FhirMediaInterceptor, HttpProblem, isForm } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { etagOf, historyBundle, locationOf, searchset } from './consent-bundle.js'
import { ConsentReader } from './consent-reader.js'
import { bothOf, parseSearch, type SearchParameters } from './consent-search.js'
import { ConsentWrites, type Done } from './consent-writes.service.js'
import {
  ConsentRefusals,
  formExpected,
  invalidParameter,
  invalidResource,
  notEnforceable,
  notFound,
  rejectionProblem,
} from './consent.refusals.js'
import { ConsentService, newId, type Refusal, type StoredConsent } from './consent.service.js'
import { FhirEdge } from './fhir-edge.js'
import { isServerId, readConsent } from './terms.js'

const roles: Role[] = ['patient', 'practitioner', 'system']
const type = 'Consent'

@Controller('fhir/Consent')
@UseInterceptors(FhirMediaInterceptor, ConsentRefusals)
export class ConsentController {
  constructor(
    private readonly consents: ConsentService,
    private readonly writes: ConsentWrites,
    private readonly reader: ConsentReader,
    private readonly fhir: FhirEdge,
  ) {}

  @Post()
  @Requires({ roles, fhir: 'c', type })
  async create(
    @CurrentCaller() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { 'if-none-exist': ifNoneExist } = request.headers
    if (ifNoneExist !== undefined) throw new HttpProblem(412, 'not-supported', 'Conditional creation is not supported.')
    const resource = this.validated(request.body)
    const reading = this.readTerms(resource)
    if (reading.intent === 'revoke') throw notEnforceable([errorIssue('not-supported', ONLY_ACTIVE, 'Consent.status')])
    const { patientId, terms } = reading
    const target = { actor: this.consents.actorOf(caller), consentId: newId(), versionId: newId(), patientId }
    const command = { type: 'GrantConsent' as const, ...target, terms }
    const done = await this.writes.run({ caller, command, resource, idempotencyKey: keyOf(request) })
    if ('rejected' in done) throw rejectionProblem(done.rejected)
    const stored = await this.storedBy(done, caller)
    void reply.code(201).header('location', locationOf(stored, this.fhir.url))
    return answer(reply, stored)
  }

  @Get()
  @Requires({ roles, fhir: 's', type })
  async search(
    @CurrentCaller() caller: Caller,
    @Query() parameters: SearchParameters,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { criteria, page } = parseSearch(parameters, this.fhir.url)
    fhirJson(reply)
    return searchset(await this.reader.search(caller, criteria, page), parameters, this.fhir.url)
  }

  @Post('_search')
  @Requires({ roles, fhir: 's', type })
  async searchByPost(
    @CurrentCaller() caller: Caller,
    @Body() form: SearchParameters | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    // JSON would bring values that are no texts.
    if (form !== undefined && form !== null && !isForm(request)) throw formExpected()
    void reply.code(200)
    return this.search(caller, bothOf(request.query as SearchParameters, form ?? {}), reply)
  }

  @Get(':id')
  @Requires({ roles, fhir: 'r', type })
  async read(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const found = isServerId(id) ? await this.reader.read(caller, id) : null
    if (found === null) throw notFound()
    return answer(reply, found)
  }

  @Get(':id/_history')
  @Requires({ roles, fhir: 'r', type })
  async history(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const versions = isServerId(id) ? await this.reader.history(caller, id) : []
    if (versions.length === 0) throw notFound()
    fhirJson(reply)
    return historyBundle(versions, this.fhir.url)
  }

  @Get(':id/_history/:versionId')
  @Requires({ roles, fhir: 'r', type })
  async readVersion(
    @CurrentCaller() caller: Caller,
    @Param() { id, versionId }: { id: string; versionId: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const known = isServerId(id) && isServerId(versionId)
    const found = known ? await this.reader.readVersion(caller, id, versionId) : null
    if (found === null) throw notFound()
    return answer(reply, found)
  }

  /** Replaces an active consent, or with the status inactive or entered-in-error revokes it. */
  @Put(':id')
  @Requires({ roles, fhir: 'u', type })
  async update(
    @CurrentCaller() caller: Caller,
    @Param('id') consentId: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const resource = this.validated(request.body)
    if (resource.id !== consentId) throw invalidResource([errorIssue('value', OTHER_ID, 'Consent.id')])
    if (!isServerId(consentId)) throw notFound()
    const reading = this.readTerms(resource)
    const target = { actor: this.consents.actorOf(caller), consentId, versionId: newId(), patientId: reading.patientId }
    const command =
      reading.intent === 'revoke'
        ? { type: 'RevokeConsent' as const, ...target }
        : { type: 'ReplaceConsent' as const, ...target, terms: reading.terms }
    const conditions = { ifMatch: versionOf(request.headers['if-match']), idempotencyKey: keyOf(request) }
    const done = await this.writes.run({ caller, command, resource, ...conditions })
    if ('rejected' in done) throw await this.refusal(caller, consentId, done.rejected)
    return answer(reply, await this.storedBy(done, caller))
  }

  @Delete(':id')
  @Requires({ roles, fhir: 'd', type })
  remove(): never {
    const detail = 'A consent is never deleted: PUT it with the status inactive to revoke it.'
    throw new HttpProblem(405, 'method-not-allowed', detail, { headers: { allow: 'GET, PUT' } })
  }

  private validated(body: unknown): JsonObject {
    const validation = this.fhir.validateResource(body)
    if (!validation.ok) throw invalidResource(validation.issues)
    if (validation.resource.resourceType === type) return validation.resource
    throw invalidResource([errorIssue('structure', 'A Consent is expected here.', 'Resource.resourceType')])
  }

  private readTerms(resource: JsonObject) {
    const reading = readConsent(resource, this.fhir.url)
    if ('issues' in reading) throw notEnforceable(reading.issues)
    return reading
  }

  /** What a write stored, read anew where it had been sent before. */
  private async storedBy(done: Exclude<Done, { rejected: Refusal }>, caller: Caller): Promise<StoredConsent> {
    if ('stored' in done) return done.stored
    const [versionId = '', , id = ''] = (done.repeated.location ?? '').split('/').toReversed()
    const stored = await this.reader.readVersion(caller, id, versionId)
    if (stored === null) throw notFound()
    return stored
  }

  // To somebody who may not see the consent, that it exists is not told.
  private async refusal(caller: Caller, consentId: string, rejected: Refusal) {
    if (rejected !== 'not-the-patient') return rejectionProblem(rejected)
    return (await this.reader.isVisible(caller, consentId)) ? rejectionProblem(rejected) : notFound()
  }
}

const ONLY_ACTIVE = 'A consent is created with the status active.'
const OTHER_ID = 'The id in the body must be the id in the URL.'

function answer(reply: FastifyReply, stored: StoredConsent): JsonObject {
  fhirJson(reply)
  void reply.header('etag', etagOf(stored)).header('last-modified', stored.recordedAt.toUTCString())
  return stored.resource
}

function fhirJson(reply: FastifyReply): void {
  void reply.header('content-type', 'application/fhir+json; charset=utf-8').header('cache-control', 'no-store')
}

function versionOf(ifMatch: string | undefined): string | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  const version = /^(?:W\/)?"([^"]+)"$/.exec(ifMatch.trim())?.[1]
  if (version === undefined) throw invalidParameter('If-Match', 'must be W/"<versionId>" or *')
  return version
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const [key] = [headers['idempotency-key'] ?? []].flat()
  if (key === undefined || /^[\x21-\x7e]{1,128}$/.test(key)) return key
  throw invalidParameter('Idempotency-Key', 'must be 1 to 128 printable characters')
}
