// No erased subject opens, whatever copy of the key schema this service finds (I22): what the signer remembers is
// destroyed again before anything is served, and refused by this process even if keys are put back beneath it.
import { signerOf, TOMBSTONES_PER_PAGE, type Tombstone } from '@careseal/contracts'
import { deletePrivateParts, EventStore, WorkLoop } from '@careseal/event-store'
import { allBuried, keysEverOf, lockForErasure, SubjectKeys } from '@careseal/keys'
import { ask, CommandRejected, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { HealthRegistry } from '@careseal/service-kit'
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import type { PoolClient } from 'pg'
import { asEraser } from '../database/eraser.js'
import { ProducerDatabase } from '../database/producer-database.js'

const DEADLINE_MS = 2_000
/** How soon this process refuses whom another replica destroyed, even if the keys come back at once. */
const REFRESH_MS = 10_000

@Injectable()
export class Tombstones implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Tombstones.name)
  private readonly signer: string
  /** How many of the signer's tombstones hold in this database; undefined until they were all read. */
  private loaded: number | undefined
  private readonly loop = new WorkLoop({
    work: () => this.refresh(),
    pollMs: REFRESH_MS,
    onError: (error) => this.logger.warn({ code: codeOf(error) }, 'the signer does not tell its tombstones for now'),
  })

  constructor(
    private readonly database: ProducerDatabase,
    private readonly keys: SubjectKeys,
    private readonly store: EventStore,
    @Inject(NATS) private readonly nc: NatsConnection,
    health: HealthRegistry,
  ) {
    this.signer = signerOf(database.service)
    database.watch.onChange(() => (this.loaded = undefined))
    health.addReadiness('tombstones', () => {
      if (this.loaded === undefined) throw new Error('the signer has not told whose keys are destroyed')
    })
  }

  onApplicationBootstrap(): void {
    this.loop.start()
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop()
  }

  /**
   * Makes the signer's tombstones hold in this database, and tells the signer those that it lacks: of before it kept any,
   * or lost with it. Rejects when the signer does not answer; then nothing may be served.
   */
  async load(): Promise<void> {
    const told = new Set<string>()
    const read = await this.read(0, (page) => page.forEach((one) => told.add(nameOf(one))))
    const untold = (await allBuried(this.database.pool)).filter((one) => !told.has(nameOf(one)))
    await this.tell(untold)
    this.keys.forget(untold)
    this.loaded = read
  }

  /** Destroys all keys and private parts of these subjects, once the signer has acknowledged. Answers how many keys. */
  async destroy(subjectIds: readonly string[]): Promise<number> {
    if (subjectIds.includes(this.store.deploymentId)) throw new CommandRejected('deployment-subject')
    return asEraser(this.database.pool, this.database.service, async (sql) => {
      // Locked before the signer is asked, so that no key is made that it was not told of.
      await lockForErasure(sql, subjectIds)
      const tombstones = await keysEverOf(sql, subjectIds)
      await this.tell(tombstones)
      // If we crash from here on, the signer knows, and the next start destroys them.
      await this.bury(sql, tombstones)
      return tombstones.filter(({ key }) => key !== null).length
    })
  }

  private async refresh(): Promise<boolean> {
    const { loaded } = this
    if (loaded === undefined) return false
    const read = await this.read(loaded)
    if (this.loaded === loaded) this.loaded = read
    return false
  }

  private async read(from: number, seen: (page: Tombstone[]) => void = () => {}): Promise<number> {
    const { pool, service } = this.database
    for (let after = from; ;) {
      const asked = { after, limit: TOMBSTONES_PER_PAGE }
      const { tombstones, next } = await ask(this.nc, this.signer, 'list-tombstones', asked, {
        deadlineMs: DEADLINE_MS,
      })
      if (tombstones.length > 0) await asEraser(pool, service, (sql) => this.bury(sql, tombstones))
      seen(tombstones)
      after += tombstones.length
      if (next === null) return after
    }
  }

  private async tell(tombstones: readonly Tombstone[]): Promise<void> {
    for (let from = 0; from < tombstones.length; from += TOMBSTONES_PER_PAGE) {
      const asked = { tombstones: tombstones.slice(from, from + TOMBSTONES_PER_PAGE) }
      await ask(this.nc, this.signer, 'add-tombstones', asked, { deadlineMs: DEADLINE_MS })
    }
  }

  private async bury(sql: PoolClient, tombstones: readonly Tombstone[]): Promise<void> {
    this.keys.forget(tombstones)
    await this.keys.destroy(sql, tombstones)
    await deletePrivateParts(sql, [...new Set(tombstones.map(({ subjectId }) => subjectId))])
  }
}

function nameOf({ subjectId, key }: Tombstone): string {
  return `${subjectId} ${key?.id ?? ''}`
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? 'unknown'
}
