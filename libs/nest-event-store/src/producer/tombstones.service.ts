// No erased subject opens, whatever copy of the key schema this service finds (I22): what the signer remembers is
// destroyed again before anything is served, and refused by this process even if keys are put back beneath it.
import type { Tombstone } from '@careseal/contracts'
import { deletePrivateParts, EventStore, WorkLoop } from '@careseal/event-store'
import { allBuried, keysEverOf, lockForErasure, SubjectKeys } from '@careseal/keys'
import { CommandRejected } from '@careseal/messaging'
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import type { PoolClient } from 'pg'
import { asEraser } from '../database/eraser.js'
import { ProducerDatabase } from '../database/producer-database.js'
import { SignerClient } from '../ledger/signer.client.js'

/** How soon this process refuses whom another replica destroyed, even if the keys come back at once. */
const REFRESH_MS = 10_000

@Injectable()
export class Tombstones implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Tombstones.name)
  /** How many of the signer's tombstones hold in this database; undefined until they were all read. */
  private loaded: number | undefined
  private readonly loop = new WorkLoop({
    work: () => this.refresh(),
    pollMs: REFRESH_MS,
    onError: (error) =>
      this.logger.warn({ code: codeOf(error) }, 'the signer did not tell its tombstones: it is asked again'),
  })

  constructor(
    private readonly database: ProducerDatabase,
    private readonly keys: SubjectKeys,
    private readonly store: EventStore,
    private readonly signer: SignerClient,
  ) {
    database.watch.onChange(() => (this.loaded = undefined))
  }

  onApplicationBootstrap(): void {
    this.loop.start()
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop()
  }

  /** Throws while it is not known whose keys are destroyed: what /readyz asks. */
  assertLoaded(): void {
    if (this.loaded === undefined) throw new Error('the signer has not told whose keys are destroyed')
  }

  /**
   * Makes the signer's tombstones hold in this database, and tells the signer those that it lacks: of before it kept any,
   * or lost with it. Rejects when the signer does not answer; then nothing may be served.
   */
  async load(): Promise<void> {
    const told = new Set<string>()
    const read = await this.read(0, told)
    const untold = (await allBuried(this.database.pool)).filter((one) => !told.has(nameOf(one)))
    this.keys.forget(untold)
    await this.signer.remember(untold)
    this.loaded = read
  }

  /** Destroys all keys and private parts of these subjects, once the signer has acknowledged. Answers how many keys. */
  async destroy(subjectIds: readonly string[]): Promise<number> {
    if (subjectIds.includes(this.store.deploymentId)) throw new CommandRejected('deployment-subject')
    return asEraser(this.database.pool, this.database.service, async (sql) => {
      // Locked before the signer is asked, so that no key is made that it was not told of.
      await lockForErasure(sql, subjectIds)
      const tombstones = await keysEverOf(sql, subjectIds)
      await this.signer.remember(tombstones)
      // If we crash from here on, the signer knows, and the next start destroys them.
      await this.bury(sql, tombstones)
      return tombstones.filter(({ key }) => key !== null).length
    })
  }

  private async refresh(): Promise<boolean> {
    const { loaded } = this
    if (loaded === undefined) return false
    const read = await this.read(loaded, new Set())
    if (this.loaded === loaded) this.loaded = read
    return false
  }

  private async read(from: number, told: Set<string>): Promise<number> {
    const { pool, service } = this.database
    let count = from
    for await (const page of this.signer.tombstones(from)) {
      await asEraser(pool, service, (sql) => this.bury(sql, page))
      for (const one of page) told.add(nameOf(one))
      count += page.length
    }
    return count
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
