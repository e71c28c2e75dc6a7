// A transaction Bundle: all of its entries in one database transaction, answered in their own order.
import { Injectable } from '@nestjs/common'
import { inProcessingOrder, linksOf, type BundleEntry } from '@careseal/fhir'
import { ResourceWrites } from '../writing/resource-writes.service.js'
import type { WriteContext } from '../writing/write.service.js'
import { entryWrite } from '../writing/write-requests.js'
import { isServerId } from '../writing/write-plan.js'
import { notFoundToWrite } from '../access/refusals.js'
import { BundleRefused } from '../writing/bundle-refused.js'
import { demandEntryScope } from './entry-scopes.js'
import { writeResponse } from './entry-response.js'

@Injectable()
export class TransactionService {
  constructor(private readonly writes: ResourceWrites) {}

  async run(
    entries: readonly BundleEntry[],
    context: WriteContext,
    options: { representation: boolean },
  ): Promise<object> {
    for (const entry of entries) demandEntryScope(context.caller, entry)
    const ordered = inProcessingOrder(entries)
    const requests = ordered.map(entryWrite)
    const foreign = requests.find((request) => !isServerId(request.id))
    if (foreign) throw new BundleRefused(notFoundToWrite(), foreign.where)
    const idOf = new Map(ordered.map((entry, place) => [entry.index, requests[place]!.id]))
    const links = linksOf(ordered, (entry) => idOf.get(entry.index)!)
    const outcomes = await this.writes.run(requests, context, links)
    const responses = ordered.map((entry, place) => ({ index: entry.index, response: outcomes[place]! }))
    const entry = responses
      .toSorted((a, b) => a.index - b.index)
      .map(({ response }) => writeResponse(response, options))
    return { resourceType: 'Bundle', type: 'transaction-response', ...(entry.length > 0 ? { entry } : {}) }
  }
}
