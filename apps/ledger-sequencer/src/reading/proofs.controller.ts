import { Controller, Get, Header, Query } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { LedgerReader } from './ledger-reader.js'
import { ConsistencyQuery, InclusionQuery, TlogProofQuery } from './parameters.js'

const TEXT = 'text/plain; charset=utf-8'

/** What anybody needs to check the ledger without believing it. Public: proofs are of use only when all can have them. */
@ApiTags('ledger')
@Public()
@Controller('ledger')
export class ProofsController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('checkpoint')
  @Header('content-type', TEXT)
  @Header('cache-control', 'no-cache')
  async checkpoint(): Promise<string> {
    return (await this.reader.published()).note
  }

  @Get('vkey')
  @Header('content-type', TEXT)
  @Header('cache-control', 'public, max-age=60')
  vkey(): Promise<string> {
    return this.reader.vkeys()
  }

  @Get('proof/inclusion')
  @Header('cache-control', 'no-store')
  inclusion(@Query({ schema: InclusionQuery }) query: InclusionQuery) {
    return this.reader.inclusion(query.index, query.size)
  }

  @Get('proof/consistency')
  @Header('cache-control', 'no-store')
  consistency(@Query({ schema: ConsistencyQuery }) query: ConsistencyQuery) {
    return this.reader.consistency(query.old, query.new)
  }

  @Get('proof/tlog')
  @Header('content-type', TEXT)
  @Header('cache-control', 'no-store')
  tlogProof(@Query({ schema: TlogProofQuery }) { index }: TlogProofQuery): Promise<string> {
    return this.reader.tlogProof(index)
  }
}
