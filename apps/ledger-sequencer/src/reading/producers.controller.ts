import { Controller, Get, Header, Param } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { HttpProblem } from '@careseal/service-kit'
import { LedgerStatus } from '../ledger-status.js'
import { ProducerAnswer, ProducersAnswer } from './answers.js'
import { LedgerReader } from './ledger-reader.js'
import { ProducerParams } from './parameters.js'

/**
 * Where a producer asks whether it was rolled back. Public: it tells counts and hashes alone.
 *
 * A ledger that was itself rolled back would call a producer complete that is not, so it answers only once the signer
 * has confirmed its head.
 */
@ApiTags('producers')
@Public()
@Controller('ledger')
export class ProducersController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly status: LedgerStatus,
  ) {}

  @Get('producers/:name')
  @ApiOperation({ summary: 'How far one producer is sealed' })
  @ApiOkResponse({ standardSchema: ProducerAnswer, description: 'its last sealed number and link' })
  @Header('cache-control', 'no-store')
  producer(@Param({ schema: ProducerParams }) { name }: ProducerParams) {
    this.requireConfirmed()
    return this.reader.producer(name)
  }

  /** All producers that were ever admitted: whom readers read. */
  @Get('producers')
  @ApiOperation({ summary: 'How far all producers are sealed' })
  @ApiOkResponse({ standardSchema: ProducersAnswer, description: 'all producers that were ever admitted' })
  @Header('cache-control', 'no-store')
  async producers() {
    this.requireConfirmed()
    return { producers: await this.reader.producers() }
  }

  private requireConfirmed(): void {
    const { halt, confirmed } = this.status
    if (halt) throw new HttpProblem(503, halt.code, `The ledger has stopped: ${halt.detail}`)
    if (!confirmed) throw notConfirmed()
  }
}

function notConfirmed(): HttpProblem {
  const detail = 'The signer has not confirmed the head of the ledger yet; try again in a second.'
  return new HttpProblem(503, 'ledger-not-confirmed', detail, { headers: { 'retry-after': '1' } })
}
