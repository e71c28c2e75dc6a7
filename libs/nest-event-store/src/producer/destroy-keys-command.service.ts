// Destroys keys for whom NATS permissions let ask: the deployer. No subject is named in a log or a refusal.
import type { CommandReply } from '@careseal/contracts'
import { CommandRejected, respond, type NatsConnection, type Responder } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { ProducerGuard } from './producer-guard.service.js'
import { Tombstones } from './tombstones.service.js'

@Injectable()
export class DestroyKeysCommand implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DestroyKeysCommand.name)
  private responder: Responder | undefined

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly database: ProducerDatabase,
    private readonly guard: ProducerGuard,
    private readonly tombstones: Tombstones,
  ) {}

  onApplicationBootstrap(): void {
    const { nc, database } = this
    const destroy = ({ subjectIds }: { subjectIds: string[] }) => this.destroy(subjectIds)
    this.responder = respond(nc, database.service, 'destroy-subject-keys', destroy, {
      onFailure: (_command, error) => {
        this.logger.warn({ code: (error as { code?: string }).code }, 'keys were not destroyed')
      },
    })
  }

  async onModuleDestroy(): Promise<void> {
    await this.responder?.stop()
  }

  private async destroy(subjectIds: readonly string[]): Promise<CommandReply<'destroy-subject-keys'>> {
    const { state } = this.guard
    if (state !== 'serving') throw new CommandRejected(`producer-${state}`)
    return { keys: await this.tombstones.destroy(subjectIds) }
  }
}
