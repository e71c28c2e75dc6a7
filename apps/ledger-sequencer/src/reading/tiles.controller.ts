// Tiles and entry bundles as C2SP tlog-tiles names them. What a path holds never changes, so it is cached for ever.
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { parseTilePath } from '@careseal/merkle'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { IMMUTABLE, sendCacheable } from './caching.js'
import { LedgerReader } from './ledger-reader.js'

/** Public, as the whole ledger is. */
@ApiTags('tiles')
@Public()
@Controller('ledger')
export class TilesController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('tile/*')
  @ApiOperation({
    summary: 'A tile of hashes, <L>/<N>[.p/<W>], or a bundle of entries, entries/<N>[.p/<W>] (C2SP tlog-tiles)',
    description: 'A partial tile is cut from what is there now, also when its tile is full meanwhile.',
  })
  @ApiProduces('application/octet-stream')
  @ApiResponse({ status: 200, description: 'packed hashes, or entries each behind a big-endian uint16 of its length' })
  @ApiResponse({ status: 304, description: 'the tile that If-None-Match names' })
  @ApiResponse({ status: 400, description: 'no path of a tile' })
  @ApiResponse({ status: 404, description: 'the tree under the published checkpoint has no such tile' })
  async tile(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const path = `tile/${(request.params as { '*': string })['*']}`
    const tile = parseTilePath(path)
    if (!tile) throw new HttpProblem(400, 'no-tile-path', 'This is no path of a tile (C2SP tlog-tiles).')
    const body = await this.reader.tile(tile)
    await sendCacheable(request, reply, {
      body,
      contentType: 'application/octet-stream',
      cacheControl: IMMUTABLE,
      compressible: tile.level === 'entries',
    })
  }
}
