// What every client was told, in the order in which it was told: the one side of every comparison with the ledger.
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

export type OperationName =
  | 'prepare'
  | 'create'
  | 'create-bundle'
  | 'create-twice'
  | 'update'
  | 'delete'
  | 'open-account'
  | 'grant'
  | 'replace-grant'
  | 'revoke'
  | 'read'
  | 'vread'
  | 'history'
  | 'search'
  | 'foreign-read'
  | 'foreign-search'
  | 'foreign-write'
  | 'checkpoint'
  | 'blocks'

/**
 * `refused`: a definite no (4xx). `unknown`: no answer, or one that says nothing of the effect (timeout, broken
 * connection, 5xx, 401, 408, 429); the operation may have happened.
 */
export type Outcome = 'ok' | 'refused' | 'unknown'

/** `note` as it came, with all its signatures; `root` in hex. */
export type SeenCheckpoint = { size: number; root: string; note: string }

export type SeenBlock = { height: number; hash: string; time: number }

/** Ids alone, never content. Which members there are follows from the operation. */
export type Told = {
  /** The account of the reader. */
  actorId?: string
  /** Which clinician read, or was granted or refused. */
  clinician?: number
  /** The resource asked for or written on: `Type/id`. */
  resource?: string
  /** The version that a write said it was based on. */
  basedOn?: string
  key?: string
  /** Per definite answer to a write, all locations (`Type/id/_history/vid`, or `account/id`) in it. */
  answers?: string[][]
  /** Versions that a read disclosed: `Type/id/_history/vid`. */
  versions?: string[]
  checkpoint?: SeenCheckpoint
  blocks?: SeenBlock[]
}

/** Times are `performance.now()` of the one process that made all requests. */
export type Entry = {
  n: number
  /** −1 for what was there before the clients. */
  client: number
  operation: OperationName
  patientIndex: number | null
  startedAt: number
  endedAt: number
  outcome: Outcome
  /** The last status, or null when there was no answer. */
  status: number | null
  attempts: number
  /** What no client may be answered: status and code. */
  unexpected?: string
} & Told

/** Append-only. */
export class History {
  /** Operations of clients that were answered with success. */
  acknowledged = 0
  private readonly all: Entry[] = []

  get entries(): readonly Entry[] {
    return this.all
  }

  append(entry: Omit<Entry, 'n'>): Entry {
    const numbered = { n: this.all.length, ...entry }
    this.all.push(numbered)
    if (entry.outcome === 'ok' && entry.client >= 0) this.acknowledged += 1
    return numbered
  }

  /** Writes one JSON object a line. */
  async writeTo(path: string): Promise<void> {
    const file = createWriteStream(path)
    for (const entry of this.all) file.write(`${JSON.stringify(entry)}\n`)
    file.end()
    await finished(file)
  }
}
