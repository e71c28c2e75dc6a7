// The receipt of a version: its event, its place in the ledger, and the fields that the caller asked to show.
import { Injectable } from '@nestjs/common'
import { Receipts } from '@careseal/nest-event-store'
import type { ReceiptRecord } from '@careseal/ledger-core'
import { HttpProblem } from '@careseal/service-kit'
import { gone, notFound } from '../access/refusals.js'
import type { Reference } from '../versions/version.query.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import { DisclosureService } from './disclosure.service.js'
import { receiptRecord } from './receipt-record.js'
import { ReadService, type ReadContext } from './read.service.js'

@Injectable()
export class ReceiptService {
  constructor(
    private readonly reads: ReadService,
    private readonly disclosures: DisclosureService,
    private readonly receipts: Receipts,
  ) {}

  /**
   * With `field` (a JSON Pointer) that field alone is shown and proven, else all of them.
   *
   * 503 with Retry-After until the event is under a published checkpoint; 404 as for a read; 400 for no such field.
   */
  async receiptOf(reference: Reference & { versionId: string }, field: string | undefined, context: ReadContext) {
    const version = await this.reads.findVersion(reference)
    const permits = await this.reads.permitted(version.type, version.patientIds, context)
    const receipt = await this.sealedReceipt(version.eventId)
    const [opened] = await this.disclosures.disclose({
      ...context,
      interaction: 'receipt',
      versions: [version],
      permits,
    })
    if (!opened?.resource) return version.interaction === 'delete' ? receipt : Promise.reject(gone())
    return { ...receipt, record: await this.recordOf(opened, field) }
  }

  private async sealedReceipt(eventId: string) {
    const result = await this.receipts.receiptFor(eventId)
    if ('receipt' in result) return result.receipt
    if ('rejected' in result) throw result.rejected === 'opening-destroyed' ? gone() : notFound()
    throw new HttpProblem(503, 'not-sealed-yet', 'The event is not yet under a published checkpoint.', {
      headers: { 'retry-after': String(result.retryAfterSeconds) },
    })
  }

  private async recordOf(version: OpenedVersion, field: string | undefined): Promise<ReceiptRecord> {
    const tree = await this.disclosures.fields(version)
    if (!tree) throw gone()
    const record = await receiptRecord(version, tree, field)
    if (record) return record
    throw new HttpProblem(400, 'no-such-field', 'field must be the JSON Pointer of a primitive of this version.')
  }
}
