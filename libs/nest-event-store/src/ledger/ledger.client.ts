// What a producer asks the ledger over HTTP, through circuit breakers. The ledger holds no personal data: no token.
import { parseCheckpoint, parseNote } from '@careseal/ledger-core'
import { callService } from '@careseal/messaging'
import { Inject, Injectable } from '@nestjs/common'
import { z } from 'zod'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '../event-store.options.js'

const ProducerHead = z.object({
  producer: z.string(),
  /** The newest incarnation of the same service: whoever is not it was followed, and takes no more events. */
  latest: z.string(),
  lastSeq: z.int().nonnegative(),
  lastLink: z.string().regex(/^[0-9a-f]{64}$/),
})
export type ProducerHead = z.infer<typeof ProducerHead>
const ProducerHeads = z.object({ producers: z.array(ProducerHead) })
const Blocks = z.object({ blocks: z.array(z.object({ header: z.base64() })) })

const DEADLINE_MS = 2_000

@Injectable()
export class LedgerClient {
  constructor(@Inject(EVENT_STORE_OPTIONS) private readonly options: Pick<EventStoreModuleOptions, 'ledgerUrl'>) {}

  /** How far the ledger has come with a producer; null when it does not know the producer. */
  async producerHead(producer: string): Promise<ProducerHead | null> {
    const response = await this.get('producers', `/ledger/producers/${encodeURIComponent(producer)}`)
    return response.ok ? ProducerHead.parse(await response.json()) : null
  }

  /** All producers that were ever admitted, by name. */
  async producerHeads(): Promise<ProducerHead[]> {
    const response = await this.get('producers', '/ledger/producers')
    if (!response.ok) throw new Error(`the ledger answers ${response.status} when asked for its producers`)
    return ProducerHeads.parse(await response.json()).producers
  }

  async producerNames(): Promise<string[]> {
    return (await this.producerHeads()).map(({ producer }) => producer)
  }

  /** Header entries' bytes of committed blocks, by height. */
  async blockHeaders(from: number, limit: number): Promise<Uint8Array[]> {
    const response = await this.get('blocks', `/ledger/blocks?from=${from}&limit=${limit}`)
    if (!response.ok) return []
    return Blocks.parse(await response.json()).blocks.map((block) => Buffer.from(block.header, 'base64'))
  }

  /** The size of the published checkpoint; 0 when there is none yet. */
  async publishedSize(): Promise<number> {
    const response = await this.get('checkpoint', '/ledger/checkpoint')
    return response.ok ? parseCheckpoint(parseNote(await response.text()).text).size : 0
  }

  /** The tlog-proof file of a leaf under the published checkpoint; null while that does not cover it. */
  async proofFile(leafIndex: number): Promise<string | null> {
    const response = await this.get('proof', `/ledger/proof/tlog?index=${leafIndex}`)
    return response.ok ? response.text() : null
  }

  private get(operation: string, path: string): Promise<Response> {
    return callService(`ledger.${operation}`, new URL(path, this.options.ledgerUrl), { deadlineMs: DEADLINE_MS })
  }
}
