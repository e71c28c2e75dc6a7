// Tiles and entry bundles as C2SP tlog-tiles names them. What a path holds never changes, so it is cached for ever.
import { Controller, Get, Req, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { parseTilePath } from '@careseal/merkle'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { LedgerReader } from './ledger-reader.js'

const compress = promisify(gzip)
const IMMUTABLE = 'public, max-age=31536000, immutable'

/** Public, as the whole ledger is. */
@ApiTags('ledger')
@Public()
@Controller('ledger')
export class TilesController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('tile/*')
  async tile(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const path = `tile/${(request.params as { '*': string })['*']}`
    const tile = parseTilePath(path)
    if (!tile) throw new HttpProblem(404, 'no-tile-path', 'This is no path of a tile (C2SP tlog-tiles).')
    const bytes = await this.reader.tile(tile)
    void reply.header('cache-control', IMMUTABLE).header('content-type', 'application/octet-stream')
    if (tile.level !== 'entries') return void reply.send(bytes)
    void reply.header('vary', 'accept-encoding')
    if (!acceptsGzip(request)) return void reply.send(bytes)
    void reply.header('content-encoding', 'gzip').send(await compress(bytes))
  }
}

function acceptsGzip(request: FastifyRequest): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(request.headers['accept-encoding'] ?? '')
}
