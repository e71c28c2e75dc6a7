// What outside consumers may be told. The operator's list is read again whenever its file changes, so that a consumer
// that was removed gets no more answers; a list that cannot be read grants nothing to anybody.
import { ConsumerList, subjectFilterOf, type EventType } from '@careseal/contracts'
import { Inject, Injectable } from '@nestjs/common'
import { readFile, stat } from 'node:fs/promises'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '../event-store.options.js'

/** True for the subject of an event that was granted. */
export type IsGranted = (subject: string) => boolean

@Injectable()
export class ConsumerGrants {
  private known: { stamp: string; grants: Map<string, IsGranted> } | null = null

  constructor(@Inject(EVENT_STORE_OPTIONS) private readonly options: EventStoreModuleOptions) {}

  /** What a consumer was granted, or null for one that nobody knows. */
  async of(consumer: string): Promise<IsGranted | null> {
    const { consumersFile } = this.options
    if (consumersFile === undefined) return null
    const stamp = await stampOf(consumersFile)
    if (stamp === null) return null
    if (this.known?.stamp !== stamp) this.known = { stamp, grants: await grantsIn(consumersFile) }
    return this.known.grants.get(consumer) ?? null
  }
}

async function stampOf(file: string): Promise<string | null> {
  try {
    const { mtimeMs, size, ino } = await stat(file)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function grantsIn(file: string): Promise<Map<string, IsGranted>> {
  const { consumers } = ConsumerList.parse(JSON.parse(await readFile(file, 'utf8')))
  return new Map(consumers.map(({ name, types }) => [name, grantOf(types)]))
}

// The producer's token is left out: a grant holds for every incarnation, and a producer answers with its own events only.
function grantOf(types: readonly EventType[]): IsGranted {
  const granted = new Set(types.map((type) => withoutProducer(subjectFilterOf(type))))
  return (subject) => granted.has(withoutProducer(subject))
}

function withoutProducer(subject: string): string {
  return subject.split('.').slice(2).join('.')
}
