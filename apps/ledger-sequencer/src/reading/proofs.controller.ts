import { Controller, Get, Header, Query, Req, Res } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ConsistencyAnswer, InclusionAnswer } from './answers.js'
import { FRESH, IMMUTABLE, sendCacheable } from './caching.js'
import { LedgerReader } from './ledger-reader.js'
import { ConsistencyQuery, InclusionQuery, TlogProofQuery } from './parameters.js'

const TEXT = 'text/plain; charset=utf-8'

/** What anybody needs to check the ledger without believing it. Public: proofs are of use only when all can have them. */
@ApiTags('checkpoint and proofs')
@Public()
@Controller('ledger')
export class ProofsController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('checkpoint')
  @ApiOperation({ summary: 'The newest published checkpoint with its signatures (C2SP tlog-checkpoint)' })
  @ApiProduces('text/plain')
  @ApiResponse({ status: 200, description: 'a signed note' })
  @ApiResponse({ status: 304, description: 'the checkpoint that If-None-Match names' })
  @ApiResponse({ status: 503, description: 'none is published yet, or it may be older than what was published before' })
  async checkpoint(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { note } = await this.reader.published()
    await sendCacheable(request, reply, { body: note, contentType: TEXT, cacheControl: FRESH })
  }

  @Get('vkey')
  @ApiOperation({ summary: 'The verifier keys of the log whose signatures count now, one a line' })
  @ApiProduces('text/plain')
  @ApiResponse({ status: 200, description: 'C2SP signed-note verifier keys' })
  @Header('content-type', TEXT)
  @Header('cache-control', 'public, max-age=60')
  vkey(): Promise<string> {
    return this.reader.vkeys()
  }

  @Get('proof/inclusion')
  @ApiOperation({ summary: 'That an entry stands in the tree of a size, by default the published one' })
  @ApiOkResponse({ standardSchema: InclusionAnswer, description: 'the hashes of the proof' })
  inclusion(@Query({ schema: InclusionQuery }) query: InclusionQuery, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', query.size === undefined ? FRESH : IMMUTABLE)
    return this.reader.inclusion(query.index, query.size)
  }

  @Get('proof/consistency')
  @ApiOperation({ summary: 'That the tree of one size goes on from the tree of a smaller one' })
  @ApiOkResponse({ standardSchema: ConsistencyAnswer, description: 'the hashes of the proof' })
  consistency(
    @Query({ schema: ConsistencyQuery }) query: ConsistencyQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    void reply.header('cache-control', query.new === undefined ? FRESH : IMMUTABLE)
    return this.reader.consistency(query.old, query.new)
  }

  @Get('proof/tlog')
  @ApiOperation({ summary: 'A proof file that is checked offline: inclusion proof and checkpoint (C2SP tlog-proof)' })
  @ApiProduces('text/plain')
  @ApiResponse({ status: 200, description: 'a tlog-proof file' })
  @Header('content-type', TEXT)
  @Header('cache-control', FRESH)
  tlogProof(@Query({ schema: TlogProofQuery }) { index }: TlogProofQuery): Promise<string> {
    return this.reader.tlogProof(index)
  }
}
