// A batch Bundle: each entry on its own, with its own status; what fails fails alone.
import { Injectable } from '@nestjs/common'
import type { Caller } from '@careseal/contracts'
import { errorIssue, operationOutcome, OWNED_ELSEWHERE, type BundleEntry, type EntryFault } from '@careseal/fhir'
import { HttpProblem, outcomeOf, type OperationOutcome } from '@careseal/service-kit'
import { Logger } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ForwardService } from '../http/forward.service.js'
import { readContext, writeContext } from '../http/request-context.js'
import { ReadService } from '../reading/read.service.js'
import { SearchPages } from '../searching/search-pages.js'
import { ResourceWrites } from '../writing/resource-writes.service.js'
import { entryWrite } from '../writing/write-requests.js'
import { etagOf } from '../versions/version.js'
import { isServerId } from '../writing/write-plan.js'
import { notFound, notFoundToWrite } from '../access/refusals.js'
import { demandEntryScope } from './entry-scopes.js'
import { refusedResponse, statusText, writeResponse } from './entry-response.js'

type Batch = { entries: readonly BundleEntry[]; faults: readonly EntryFault[] }
type BatchOptions = { representation: boolean; caller: Caller; bytesMax: number }

@Injectable()
export class BatchService {
  private readonly logger = new Logger(BatchService.name)

  constructor(
    private readonly writes: ResourceWrites,
    private readonly reads: ReadService,
    private readonly searches: SearchPages,
    private readonly forwards: ForwardService,
  ) {}

  /**
   * What is read beyond `bytesMax` is refused, so the answer is longer by one entry at most. For who has gone away no
   * further entry is done.
   */
  async run({ entries, faults }: Batch, request: FastifyRequest, options: BatchOptions): Promise<object> {
    const answers = new Map<number, object>(
      faults.map(({ index, status, issue }) => [
        index,
        refusedResponse(status, { resourceType: 'OperationOutcome', issue: [issue] }),
      ]),
    )
    let bytes = 0
    for (const entry of entries) {
      if (request.raw.socket.destroyed) break
      const isTooMuch = entry.method === 'GET' && bytes >= options.bytesMax
      const answer = isTooMuch ? answerTooLong() : await this.answer(entry, request, options)
      bytes += Buffer.byteLength(JSON.stringify(answer))
      answers.set(entry.index, answer)
    }
    const entry = [...answers].toSorted(([a], [b]) => a - b).map(([, answer]) => answer)
    return { resourceType: 'Bundle', type: 'batch-response', ...(entry.length > 0 ? { entry } : {}) }
  }

  private async answer(entry: BundleEntry, request: FastifyRequest, options: BatchOptions): Promise<object> {
    try {
      demandEntryScope(options.caller, entry)
      if ((OWNED_ELSEWHERE as readonly string[]).includes(entry.type)) return await this.forwards.entry(entry, request)
      return entry.method === 'GET' ? await this.get(entry, request) : await this.write(entry, request, options)
    } catch (error) {
      return this.refused(error)
    }
  }

  private async write(entry: BundleEntry, request: FastifyRequest, options: BatchOptions): Promise<object> {
    const write = entryWrite(entry)
    if (!isServerId(write.id)) throw notFoundToWrite()
    const context = writeContext(request, entry.resource ?? entry.url, `:${entry.index}`)
    const [outcome] = await this.writes.run([write], context)
    return writeResponse(outcome!, options)
  }

  private async get(entry: BundleEntry, request: FastifyRequest): Promise<object> {
    const [path = '', query = ''] = entry.url.split('?')
    const [type = '', id, history, versionId, ...rest] = path.split('/')
    const context = readContext(request)
    if (id === undefined || id === '') {
      const page = await this.searches.page(type, [...new URLSearchParams(query)], { ...context, lenient: false })
      return { resource: page, response: { status: statusText(200) } }
    }
    if (rest.length > 0 || (history !== undefined && (history !== '_history' || !versionId))) throw notFound()
    const version = versionId
      ? await this.reads.vread({ type, id, versionId }, context)
      : await this.reads.read({ type, id }, context)
    const { recordedAt, resource } = version
    const response = {
      status: statusText(200),
      etag: etagOf(version.versionId),
      lastModified: recordedAt.toISOString(),
    }
    return { resource, response }
  }

  private refused(error: unknown): object {
    if (error instanceof HttpProblem) {
      const outcome: OperationOutcome = outcomeOf(error.status, error.code, error.detail)
      return refusedResponse(error.status, { ...outcome, issue: error.issues ?? outcome.issue })
    }
    this.logger.error({ err: error }, 'an entry of a batch failed')
    return refusedResponse(500, outcomeOf(500, 'internal-error', 'Something went wrong.'))
  }
}

// Nothing was looked at, so nothing is recorded as read that does not arrive. A write answers with no more than was sent.
function answerTooLong(): object {
  const diagnostics = 'The entries before this one fill the answer; ask for it in another request.'
  return refusedResponse(422, operationOutcome(errorIssue('too-costly', diagnostics)))
}
