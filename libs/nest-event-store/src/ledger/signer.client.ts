// What a service asks the signer of the ledger: to remember whose keys it destroys, and to tell what it remembers.
import { signerOf, TOMBSTONES_PER_PAGE, type CommandReply, type Tombstone } from '@careseal/contracts'
import { ask, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable } from '@nestjs/common'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '../event-store.options.js'

const DEADLINE_MS = 2_000

@Injectable()
export class SignerClient {
  private readonly signer: string

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(EVENT_STORE_OPTIONS) options: EventStoreModuleOptions,
  ) {
    this.signer = signerOf(options.producer)
  }

  /** Page after page of this service's tombstones, the first ones left out. Throws when the signer does not answer. */
  async *tombstones(after: number): AsyncGenerator<Tombstone[]> {
    let next: number | null = after
    while (next !== null) {
      const page: CommandReply<'list-tombstones'> = await this.page(next)
      if (page.tombstones.length > 0) yield page.tombstones
      next = page.next
    }
  }

  /** Resolves once the signer will never forget them. It may remember them although this throws. */
  async remember(tombstones: readonly Tombstone[]): Promise<void> {
    for (let from = 0; from < tombstones.length; from += TOMBSTONES_PER_PAGE) {
      const asked = { tombstones: tombstones.slice(from, from + TOMBSTONES_PER_PAGE) }
      await ask(this.nc, this.signer, 'add-tombstones', asked, { deadlineMs: DEADLINE_MS })
    }
  }

  private page(after: number): Promise<CommandReply<'list-tombstones'>> {
    const asked = { after, limit: TOMBSTONES_PER_PAGE }
    return ask(this.nc, this.signer, 'list-tombstones', asked, { deadlineMs: DEADLINE_MS })
  }
}
