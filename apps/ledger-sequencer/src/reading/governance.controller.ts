import { Controller, Get, Header, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { GovernanceAnswer, KeysAnswer } from './answers.js'
import { FRESH } from './caching.js'
import { LedgerReader } from './ledger-reader.js'
import { GovernanceQuery } from './parameters.js'

/** Who rules the ledger, and what they changed. Public: whoever trusts a ledger has to see who may change its rules. */
@ApiTags('governance')
@Public()
@Controller('ledger')
export class GovernanceController {
  constructor(private readonly reader: LedgerReader) {}

  @Get('governance')
  @ApiOperation({
    summary: 'Genesis and administration entries: producers admitted, keys rotated, policy and quorum changed',
  })
  @ApiOkResponse({ standardSchema: GovernanceAnswer, description: 'a page of entries, in the order of the ledger' })
  @Header('cache-control', FRESH)
  governance(@Query({ schema: GovernanceQuery }) { from, limit }: GovernanceQuery) {
    return this.reader.governance(from, limit)
  }

  @Get('keys')
  @ApiOperation({
    summary: 'The history of keys: whose signature counts for which sizes of the tree',
    description: 'Folded out of the entries that /ledger/governance gives, by a rule that anybody can repeat.',
  })
  @ApiOkResponse({ standardSchema: KeysAnswer, description: 'all keys, in the order of their coming' })
  @Header('cache-control', FRESH)
  keys() {
    return this.reader.keys()
  }
}
