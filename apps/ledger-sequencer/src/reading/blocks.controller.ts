import { Controller, Get, Header, Param, Query } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { LedgerReader } from './ledger-reader.js'
import { BlocksQuery, EntriesQuery, HeightParams } from './parameters.js'

/** Blocks and entries, committed and in order. Public: the ledger holds nothing about anybody. */
@ApiTags('ledger')
@Public()
@Controller('ledger')
export class BlocksController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('blocks')
  @Header('cache-control', 'no-store')
  blocks(@Query({ schema: BlocksQuery }) { from, limit }: BlocksQuery) {
    return this.reader.blocks(from, limit)
  }

  @Get('blocks/:height')
  @Header('cache-control', 'public, max-age=60')
  block(@Param({ schema: HeightParams }) { height }: HeightParams) {
    return this.reader.block(height)
  }

  @Get('entries')
  @Header('cache-control', 'no-store')
  entries(@Query({ schema: EntriesQuery }) { from, limit }: EntriesQuery) {
    return this.reader.entries(from, limit)
  }
}
