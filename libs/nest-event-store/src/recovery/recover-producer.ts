// Brings a producer back whose database was restored to an old copy (exactly-once.md section 6). The order matters: the
// next incarnation is admitted first, which closes the old one on the ledger; only then is it final what the copy lacks.
// If we crash at any point, the same command goes on: an admitted incarnation that has said nothing yet is taken up.
import { incarnationOf, incarnationsAmong, producerName, type EventBody } from '@careseal/contracts'
import { hex, sha256 } from '@careseal/crypto'
import {
  beginIncarnation,
  currentProducer,
  lastKnownSeq,
  linkAt,
  planRecovery,
  restoreChain,
  SealFollower,
  transaction,
  waitingEvents,
  type PublishedEvent,
  type RecoveredLeaf,
  type RestoredEvent,
  type SealedLeaf,
  type Tx,
} from '@careseal/event-store'
import { firstLink, type Operator } from '@careseal/ledger-core'
import { readOwnEvents, type NatsConnection } from '@careseal/messaging'
import type { Pool, PoolClient } from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import type { DataSource } from 'typeorm'
import type { LedgerClient, ProducerHead } from '../ledger/ledger.client.js'
import type { RecoveryLedger } from './recovery-ledger.js'

/** One incarnation's part of a recovery; `before` is what the copy knew. */
export type RecoveredChain = { producer: string; before: number; leaves: readonly RecoveredLeaf[] }

export type Recovery = {
  chains: readonly RecoveredChain[]
  /** Events that came back from the broker, in order: public bodies, no private parts. */
  restored: readonly RestoredEvent[]
  /** The incarnation that goes on. */
  next: string
}

/** What a service does so that its read models follow, in the transaction that takes the events up. */
export type RecoveryModel = {
  streamOf: (event: EventBody) => string
  /** Answers what the report says besides, in counts; never ids. */
  follow: (tx: Tx, recovery: Recovery) => Promise<Record<string, number>>
}

export type RecoverOptions = {
  service: string
  origin: string
  dataSource: DataSource
  pool: Pool
  nc: NatsConnection
  client: Pick<LedgerClient, 'producerHeads' | 'blockHeaders' | 'publishedSize'>
  ledger: RecoveryLedger
  operators: readonly Operator[]
  model: RecoveryModel
  onProgress: (told: string) => void
}

export type LostLeaf = { producer: string; seq: number; leafIndex: number; height: number }

export type RecoveryReport = {
  service: string
  incarnation: string
  /** Leaves that the copy lacked, and where their events came from. */
  missing: number
  fromCopy: number
  fromBroker: number
  lost: LostLeaf[]
  /** Published, never sealed before the incarnation was closed: not on the ledger, and not taken up. */
  neverSealed: number
  counts: Record<string, number>
}

/** Why there is nothing to recover, or not now; the message says what to do. */
export class RecoveryRefused extends Error {
  constructor(
    readonly code: 'not-rolled-back' | 'recovery-runs' | 'unknown-producer' | 'not-sealed-in-time',
    message: string,
  ) {
    super(message)
  }
}

const SEAL_WAIT_MS = 60_000
const BROKER_WAIT_MS = 30_000
const POLL_MS = 300

/** Throws RecoveryRefused, ChainDiverges or AdmissionRefused; the copy is then as it was. */
export async function recoverProducer(options: RecoverOptions): Promise<RecoveryReport> {
  const release = await lock(options)
  try {
    return await recover(options)
  } finally {
    release()
  }
}

async function recover(options: RecoverOptions): Promise<RecoveryReport> {
  const { service, pool, onProgress } = options
  await requireRolledBack(options, await ownHeads(options))
  onProgress('reading what the broker holds')
  const published = await publishedEvents(options, await ownHeads(options))
  await untilBrokerSealed(options, published)
  const next = await admitNext(options)
  const heads = (await ownHeads(options)).filter(({ producer }) => producer !== next)
  const chains: RecoveredChain[] = []
  const waiting = await waitingEvents(pool)
  for (const head of heads) chains.push(await chainOf(options, { head, waiting, published }))
  onProgress('writing what came back, and the read models')
  const counts = await write(options, { chains, next, of: heads.at(-1)!.producer })
  const leaves = chains.flatMap((chain) => chain.leaves)
  const countOf = (source: RecoveredLeaf['source']) => leaves.filter((leaf) => leaf.source === source).length
  return {
    service,
    incarnation: next,
    missing: leaves.length,
    fromCopy: countOf('copy'),
    fromBroker: countOf('broker'),
    lost: chains.flatMap(({ producer, leaves }) => lostOf(producer, leaves)),
    neverSealed: heads.reduce((sum, { producer, lastSeq }) => sum + beyond(published.get(producer), lastSeq), 0),
    counts,
  }
}

// A session's lock: it ends with us, however we end.
async function lock({ pool, service }: RecoverOptions): Promise<() => void> {
  const client: PoolClient = await pool.connect()
  const { rows } = await client.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
    [`careseal/recover/${service}`],
  )
  if (rows[0]!.locked) return () => client.release(true)
  client.release(true)
  throw new RecoveryRefused('recovery-runs', `another recovery of ${service} runs: wait until it has ended`)
}

/** The service's incarnations on the ledger, the first one first. */
async function ownHeads({ client, service }: RecoverOptions): Promise<ProducerHead[]> {
  const heads = await client.producerHeads()
  const headOf = new Map(heads.map((head) => [head.producer, head]))
  return incarnationsAmong([...headOf.keys()], service).map((name) => headOf.get(name)!)
}

async function requireRolledBack({ service, pool, origin }: RecoverOptions, heads: ProducerHead[]): Promise<void> {
  const latest = heads.at(-1)
  if (!latest) throw new RecoveryRefused('unknown-producer', `the ledger does not know a producer ${service}`)
  const { producer, lastSeq: seq, lastLink } = latest
  const isCurrent = (await currentProducer(pool, service)) === producer
  if (!isCurrent || (await linkAt(pool, { producer, origin, seq })) !== lastLink) return
  throw new RecoveryRefused(
    'not-rolled-back',
    `the database of ${service} holds all that the ledger sealed of ${producer}: there is nothing to recover`,
  )
}

async function publishedEvents({ nc }: RecoverOptions, heads: ProducerHead[]): Promise<Map<string, PublishedEvent[]>> {
  const published = new Map<string, PublishedEvent[]>()
  for (const { producer } of heads) {
    const events: PublishedEvent[] = []
    await readOwnEvents(nc, producer, ({ seq, tag, commitment, body }) => events.push({ seq, tag, commitment, body }))
    published.set(producer, events)
  }
  return published
}

// What the lost history published and the ledger has not sealed yet may have been acknowledged: the sequencer takes it
// from the broker by itself, and until it has we do not close the incarnation.
async function untilBrokerSealed(options: RecoverOptions, published: Map<string, PublishedEvent[]>): Promise<void> {
  const deadline = performance.now() + BROKER_WAIT_MS
  for (;;) {
    const { producer, lastSeq } = (await ownHeads(options)).at(-1)!
    const next = (published.get(producer) ?? []).some(({ seq }) => seq === lastSeq + 1)
    if (!next || performance.now() > deadline) return
    options.onProgress(`waiting until the ledger has sealed what the broker holds of ${producer}`)
    await delay(POLL_MS)
  }
}

async function admitNext(options: RecoverOptions): Promise<string> {
  const { service, origin, pool, ledger, operators, onProgress } = options
  const { producer: follows, lastSeq } = (await ownHeads(options)).at(-1)!
  const isUnused = lastSeq === 0 && (await currentProducer(pool, service)) !== follows
  if (isUnused) return follows
  const name = producerName({ service, number: incarnationOf(follows).number + 1 })
  onProgress(`admitting ${name}`)
  await ledger.admit(origin, { name, firstLink: hex(firstLink(sha256, origin, name)), follows }, operators)
  return name
}

type Sources = { head: ProducerHead; waiting: Awaited<ReturnType<typeof waitingEvents>>; published: Published }
type Published = Map<string, PublishedEvent[]>

async function chainOf(options: RecoverOptions, { head, waiting, published }: Sources): Promise<RecoveredChain> {
  const { pool, origin, onProgress } = options
  const { producer, lastSeq, lastLink } = head
  await followSeals(options, head)
  const before = await lastKnownSeq(pool, producer)
  onProgress(`${producer}: the copy ends at ${before}, the ledger at ${lastSeq}`)
  const leaves = await missingLeaves(options, producer, before)
  const link = (await linkAt(pool, { producer, origin, seq: before }))!
  const from = { seq: before, link }
  const sources = { waiting, published: published.get(producer) ?? [] }
  return { producer, before, leaves: planRecovery({ producer, from, lastLink, leaves, ...sources }) }
}

/** Follows the ledger's blocks until the copy knows where each leaf stands. */
async function followSeals({ pool, client }: RecoverOptions, { producer, lastSeq }: ProducerHead): Promise<void> {
  const follower = new SealFollower({
    pool,
    producer,
    fetchBlocks: (from, limit) => client.blockHeaders(from, limit),
    publishedSize: () => client.publishedSize(),
  })
  const deadline = performance.now() + SEAL_WAIT_MS
  for (;;) {
    while (await follower.step());
    const { rows } = await pool.query<{ seq: string | null }>(
      'SELECT max(from_seq + count - 1) AS seq FROM sealed WHERE producer = $1',
      [producer],
    )
    if (Number(rows[0]!.seq) >= lastSeq) return
    if (performance.now() > deadline) {
      throw new RecoveryRefused('not-sealed-in-time', `the ledger has not published all of ${producer} yet: try again`)
    }
    await delay(POLL_MS)
  }
}

async function missingLeaves({ pool, ledger }: RecoverOptions, producer: string, after: number): Promise<SealedLeaf[]> {
  const { rows } = await pool.query<{ from_seq: string; count: string; first_index: string; height: string }>(
    'SELECT from_seq, count, first_index, height FROM sealed WHERE producer = $1 AND from_seq + count - 1 > $2 ORDER BY 1',
    [producer, after],
  )
  const missing: SealedLeaf[] = []
  for (const row of rows) {
    const skipped = Math.max(0, after + 1 - Number(row.from_seq))
    const first = Number(row.first_index) + skipped
    const leaves = await ledger.leaves(first, Number(row.count) - skipped)
    for (const [place, { seq, tag, commitment }] of leaves.entries()) {
      missing.push({ seq, tag, commitment, leafIndex: first + place, height: Number(row.height) })
    }
  }
  return missing
}

type Writing = { chains: readonly RecoveredChain[]; next: string; of: string }

async function write(options: RecoverOptions, { chains, next, of }: Writing): Promise<Record<string, number>> {
  const { dataSource, origin, model } = options
  return transaction(dataSource, async (tx) => {
    const restored: RestoredEvent[] = []
    for (const { producer, leaves } of chains) {
      restored.push(...(await restoreChain(tx.sql, leaves, { producer, origin, streamOf: model.streamOf })))
    }
    await beginIncarnation(tx.sql, { producer: next, number: incarnationOf(next).number, origin, of })
    return model.follow(tx, { chains, restored, next })
  })
}

function lostOf(producer: string, leaves: readonly RecoveredLeaf[]): LostLeaf[] {
  const lost = leaves.filter(({ source }) => source === 'lost')
  return lost.map(({ seq, leafIndex, height }) => ({ producer, seq, leafIndex, height }))
}

function beyond(published: readonly PublishedEvent[] | undefined, lastSeq: number): number {
  return new Set((published ?? []).map(({ seq }) => seq).filter((seq) => seq > lastSeq)).size
}
