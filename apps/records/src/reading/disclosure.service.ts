// The only way out for stored resources: RecordRead is committed first, then the key is unwrapped.
import { Injectable } from '@nestjs/common'
import type { FieldTree } from '@careseal/crypto'
import { EventStore } from '@careseal/event-store'
import { recordDisclosure, type Disclosure } from '../access/release.js'
import { currentVersions } from '../versions/version.query.js'
import { RecordsDatabase } from '../versions/records-database.js'
import { VersionOpener, type OpenedVersion } from '../versions/version-opener.js'

@Injectable()
export class DisclosureService {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly events: EventStore,
    private readonly opener: VersionOpener,
  ) {}

  /** Commits what is about to be disclosed, then opens it. If we crash between the two, the access stands as made. */
  async disclose(disclosure: Disclosure): Promise<OpenedVersion[]> {
    await this.record(disclosure)
    return this.database.ask((sql) => this.opener.open(sql, disclosure.versions))
  }

  /** Commits the events of a disclosure whose content is already open in memory (a search has to look to decide). */
  async record(disclosure: Disclosure): Promise<void> {
    await this.database.write((sql) => recordDisclosure(sql, this.events, disclosure), 'release.commit')
  }

  /** Opens versions for a search to decide on; nothing of them may leave before `record`. */
  look(versionIds: readonly string[]): Promise<OpenedVersion[]> {
    return this.database.ask(async (sql) => this.opener.open(sql, await currentVersions(sql, versionIds)))
  }

  /** The fields of a version that was disclosed. */
  fields(version: OpenedVersion): Promise<FieldTree | undefined> {
    return this.database.ask((sql) => this.opener.fields(sql, version))
  }
}
