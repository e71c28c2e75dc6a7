import { Controller, Get, Header, Param, Req, Res, UseInterceptors } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Requires } from '@careseal/authz'
import { FhirMediaInterceptor } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HistoryPages } from '../reading/history-pages.js'
import { ReadService, type LivingVersion } from '../reading/read.service.js'
import { ReceiptService } from '../reading/receipt.service.js'
import { assertOwned } from '../writing/write-requests.js'
import { isUnchanged, sendFhir, versionHeaders } from './fhir-reply.js'
import { readContext } from './request-context.js'

type Params = { type: string; id: string }
type VersionParams = Params & { versionId: string }
type Query = Record<string, string | string[] | undefined>

/** read, vread, history, and the receipt of a version. */
@ApiTags('resources')
@Controller('fhir')
@UseInterceptors(FhirMediaInterceptor)
export class ReadController {
  constructor(
    private readonly reads: ReadService,
    private readonly histories: HistoryPages,
    private readonly receipts: ReceiptService,
  ) {}

  @Get(':type/:id')
  @Requires({ fhir: 'r' })
  async read(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    assertOwned(params.type)
    answerRead(request, reply, await this.reads.read(params, readContext(request)))
  }

  @Get(':type/:id/_history')
  @Requires({ fhir: 'r' })
  async history(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    assertOwned(params.type)
    sendFhir(reply, 200, await this.histories.page(params, request.query as Query, readContext(request)))
  }

  @Get(':type/:id/_history/:versionId')
  @Requires({ fhir: 'r' })
  async vread(
    @Param() params: VersionParams,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    assertOwned(params.type)
    answerRead(request, reply, await this.reads.vread(params, readContext(request)))
  }

  /** Proves that this version stands in the ledger: offline, without trust in this server. */
  @Get(':type/:id/_history/:versionId/$receipt')
  @Requires({ fhir: 'r' })
  @Header('cache-control', 'no-store')
  async receipt(@Param() params: VersionParams, @Req() request: FastifyRequest) {
    assertOwned(params.type)
    const { field } = request.query as Query
    return this.receipts.receiptOf(params, typeof field === 'string' ? field : undefined, readContext(request))
  }
}

// 304 says that the caller's copy is the present one, so it too comes only after permit and RecordRead.
function answerRead(request: FastifyRequest, reply: FastifyReply, version: LivingVersion): void {
  versionHeaders(reply, version)
  if (isUnchanged(request, version.versionId)) sendFhir(reply, 304)
  else sendFhir(reply, 200, version.resource)
}
