import { Controller, Get, Param, Query, Res } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import type { FastifyReply } from 'fastify'
import { BlockAnswer, BlocksAnswer, EntriesAnswer, EntryAnswer } from './answers.js'
import { IMMUTABLE, UNSETTLED } from './caching.js'
import { LedgerStatus } from '../ledger-status.js'
import { LedgerReader } from './ledger-reader.js'
import { notToBeShown } from './not-to-be-shown.js'
import { BlocksQuery, EntriesQuery, HeightParams, IndexParams } from './parameters.js'

/** A whole page says how large the tree was, and nothing else in it can change. */
const WHOLE_PAGE = 'public, max-age=60'

/** Blocks and entries, committed and in order. Public: the ledger holds nothing about anybody. */
@ApiTags('blocks and entries')
@Public()
@Controller('ledger')
export class BlocksController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly status: LedgerStatus,
  ) {}

  @Get('blocks')
  @ApiOperation({ summary: 'Blocks from a height on, page by page; also those that no checkpoint covers yet' })
  @ApiOkResponse({ standardSchema: BlocksAnswer, description: 'a page of blocks' })
  async blocks(
    @Query({ schema: BlocksQuery }) { from, limit }: BlocksQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await this.reader.blocks(from, limit)
    if (!this.status.mayShowNewest) throw notToBeShown(this.status.halt)
    const last = page.blocks.length === limit ? page.blocks.at(-1)?.treeSize : undefined
    await this.cache(reply, WHOLE_PAGE, last)
    return page
  }

  @Get('blocks/:height')
  @ApiOperation({ summary: 'One block' })
  @ApiOkResponse({ standardSchema: BlockAnswer, description: 'the block' })
  async block(
    @Param({ schema: HeightParams }) { height }: HeightParams,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const block = await this.reader.block(height)
    await this.cache(reply, IMMUTABLE, block.treeSize)
    return block
  }

  @Get('entries')
  @ApiOperation({ summary: 'Entries from an index on, page by page' })
  @ApiOkResponse({ standardSchema: EntriesAnswer, description: 'a page of entries' })
  async entries(
    @Query({ schema: EntriesQuery }) { from, limit }: EntriesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const page = await this.reader.entries(from, limit)
    await this.cache(reply, WHOLE_PAGE, page.entries.length === limit ? from + limit : undefined)
    return page
  }

  @Get('entries/:index')
  @ApiOperation({ summary: 'One entry, its hash in the tree, and what it says' })
  @ApiOkResponse({ standardSchema: EntryAnswer, description: 'the entry' })
  async entry(@Param({ schema: IndexParams }) { index }: IndexParams, @Res({ passthrough: true }) reply: FastifyReply) {
    const entry = await this.reader.entry(index)
    await this.cache(reply, IMMUTABLE, index + 1)
    return entry
  }

  // Only what a published checkpoint covers is said for good: a restored ledger may have to take back what is beyond.
  private async cache(reply: FastifyReply, covered: string, size: number | undefined): Promise<void> {
    const isCovered = size !== undefined && (await this.reader.isPublished(size))
    void reply.header('cache-control', isCovered ? covered : UNSETTLED)
  }
}
