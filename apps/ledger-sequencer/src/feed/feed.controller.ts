import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common'
import { ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FeedQuery } from '../reading/parameters.js'
import { LedgerFeed } from './ledger-feed.js'

const STREAM = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // What proxies call it that would else collect an answer before they pass it on.
  'x-accel-buffering': 'no',
}

/** Public, as the blocks are that it tells of. */
@ApiTags('feed')
@Public()
@Controller('ledger')
export class FeedController {
  constructor(private readonly feed: LedgerFeed) {}

  @Get('feed')
  @ApiOperation({
    summary: 'Blocks as they are committed, and checkpoints as they are published, as Server-Sent Events',
    description:
      'Event `block` has the data of /ledger/blocks/{height}; event `checkpoint` has {size, root, note} and comes after ' +
      'all blocks that it covers. An id is <height>/<size>: sent back as Last-Event-ID the stream goes on there. ' +
      'Without it and without `from` the stream begins with what comes next. A block counts once a checkpoint covers it.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, schema: { type: 'string' } })
  @ApiProduces('text/event-stream')
  @ApiResponse({ status: 200, description: 'a stream of events; a comment line when there is none for a while' })
  @ApiResponse({ status: 409, description: 'the place to go on from is beyond this ledger: it went back' })
  @ApiResponse({ status: 503, description: 'as many clients listen as may' })
  async listen(
    @Query({ schema: FeedQuery }) { from, count = Number.POSITIVE_INFINITY }: FeedQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const place = await this.feed.placeFor(lastEventId, from)
    void reply.headers(STREAM)
    if (request.method === 'HEAD') return void reply.send()
    const closed = new AbortController()
    reply.raw.once('close', () => closed.abort())
    const cut = () => void reply.raw.destroy()
    void reply.send(this.feed.open({ address: request.ip, place, count, cut, gone: closed.signal }))
  }
}
