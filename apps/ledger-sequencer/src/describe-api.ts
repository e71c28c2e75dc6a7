// OpenAPI of the ledger without a ledger: the document that `/ledger/openapi.json` answers, for docs/generated.
import { describeRoutes } from '@careseal/service-kit'
import { CONTROLLERS } from './app.module.js'
import { LedgerFeed } from './feed/ledger-feed.js'
import { LedgerStatus } from './ledger-status.js'
import { LedgerReader } from './reading/ledger-reader.js'
import { SequencerService } from './sequencer.service.js'

/** Listens on nothing and connects to nothing. */
export function describeLedgerApi() {
  const needed = [LedgerFeed, LedgerReader, LedgerStatus, SequencerService]
  return describeRoutes('ledger-sequencer', { controllers: CONTROLLERS, needed })
}
