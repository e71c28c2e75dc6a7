import { Controller, Get, Header } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { LedgerStatus } from '../ledger-status.js'
import { StatusAnswer } from './answers.js'
import { LedgerReader } from './ledger-reader.js'

/** How the ledger is: for people and `careseal status`. Public: it tells counts and names of services alone. */
@ApiTags('status')
@Public()
@Controller('ledger')
export class StatusController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly status: LedgerStatus,
  ) {}

  @Get('status')
  @ApiOperation({ summary: 'How the ledger is' })
  @ApiOkResponse({ standardSchema: StatusAnswer, description: 'state, sizes and frozen producers' })
  @Header('cache-control', 'no-store')
  async get() {
    const { halt, confirmed, frozen, waitingFor, signedSize } = this.status
    return {
      state: halt ? 'halted' : confirmed ? 'confirmed' : 'starting',
      ...(halt ? { halt } : {}),
      ...(waitingFor.length > 0 ? { waitingFor } : {}),
      ...(await this.reader.sizes()),
      ...(signedSize === null ? {} : { signedSize }),
      frozenProducers: Object.fromEntries(frozen),
    }
  }
}
