// What the platform team watches. Names are part of dashboards and alerts (deploy/prometheus): a change here is a change
// there.
import { counter, gauge, histogram } from '@careseal/observability'

const BLOCK_SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

export const ledgerMetrics = {
  height: gauge({ name: 'careseal_ledger_height', help: 'Height of the last committed block' }),
  treeSize: gauge({ name: 'careseal_ledger_tree_size', help: 'Entries committed' }),
  epoch: gauge({ name: 'careseal_ledger_epoch', help: 'Epoch under which this process writes, 0 while it does not' }),
  signedSize: gauge({ name: 'careseal_ledger_signed_size', help: 'Entries under the last signed checkpoint' }),
  publishedSize: gauge({
    name: 'careseal_ledger_published_size',
    help: 'Entries under the published checkpoint, which the quorum has co-signed',
  }),
  unsealedAge: gauge(
    {
      name: 'careseal_ledger_unsealed_age_seconds',
      help: 'How long the event that has waited longest for its block has waited here, 0 if there is none',
    },
    (metric) => metric.set(secondsSince(watched.unsealedSince())),
  ),
  unpublishedAge: gauge(
    {
      name: 'careseal_ledger_unpublished_age_seconds',
      help: 'Age of the oldest committed entry that no co-signed and published checkpoint covers, 0 if there is none',
    },
    (metric) => metric.set(secondsSince(waiting[0]?.since)),
  ),
  blockSeconds: histogram({ name: 'careseal_ledger_block_seconds', help: 'Time to commit a block' }),
  sealSeconds: histogram({
    name: 'careseal_ledger_seal_seconds',
    help: 'Time from the commit of a block to a co-signed and published checkpoint over it',
  }),
  entriesPerBlock: histogram({ name: 'careseal_ledger_entries_per_block', help: 'Leaves in a block' }, BLOCK_SIZES),
  witnessAnswers: counter({
    name: 'careseal_ledger_witness_answers_total',
    help: 'Answers of witnesses: a status, or what went wrong',
    labels: ['witness', 'code'],
  }),
  witnessSeconds: histogram({
    name: 'careseal_ledger_witness_seconds',
    help: 'Time until a witness answered, or was given up',
    labels: ['witness'],
  }),
  witnessCosigned: gauge({
    name: 'careseal_ledger_witness_cosigned_size',
    help: 'Entries under the newest published checkpoint that bears the cosignature of a witness',
    labels: ['witness'],
  }),
  frozenProducers: gauge({
    name: 'careseal_ledger_frozen_producers',
    help: 'Producers whose own chain does not fit what was sealed',
  }),
  feedClients: gauge({ name: 'careseal_ledger_feed_clients', help: 'Clients that listen to /ledger/feed' }),
  waitingForWitnesses: gauge(
    {
      name: 'careseal_ledger_waiting_for_witnesses',
      help: 'Witnesses without whose answer nothing is appended or signed yet',
    },
    (metric) => metric.set(watched.waitingFor().length),
  ),
  signerSilent: gauge(
    {
      name: 'careseal_ledger_signer_silent_seconds',
      help: 'How long the signer has not answered, 0 while it does; blocks are committed all the same',
    },
    (metric) => metric.set(secondsSince(watched.signerSilentSince())),
  ),
  rollback: gauge({
    name: 'careseal_ledger_rollback_detected',
    help: '1 if the database is older than what was signed',
  }),
  halted: gauge({
    name: 'careseal_ledger_halted',
    help: '1 while nothing is appended and nothing signed',
    labels: ['code'],
  }),
}

/** Committed blocks that no published checkpoint covers, oldest first. */
const waiting: { treeSize: number; since: number }[] = []
// Without checkpoints for long, only the oldest matters.
const WAITING_MAX = 10_000

/** What is asked at each scrape. `…Since` is in milliseconds since 1970. */
export type Watched = {
  unsealedSince: () => number | undefined
  signerSilentSince: () => number | undefined
  waitingFor: () => readonly string[]
}

let watched: Watched = { unsealedSince: () => undefined, signerSilentSince: () => undefined, waitingFor: () => [] }

export function headAt({ height, treeSize }: { height: number; treeSize: number }): void {
  ledgerMetrics.height.set(height)
  ledgerMetrics.treeSize.set(treeSize)
}

export function committed(block: { height: number; treeSize: number }): void {
  headAt(block)
  if (waiting.length < WAITING_MAX) waiting.push({ treeSize: block.treeSize, since: Date.now() })
}

export function watch(sources: Watched): void {
  watched = sources
}

export function checkpointSigned(size: number): void {
  ledgerMetrics.signedSize.set(size)
}

export function checkpointPublished(size: number, witnesses: readonly string[]): void {
  ledgerMetrics.publishedSize.set(size)
  for (const witness of witnesses) ledgerMetrics.witnessCosigned.set({ witness }, size)
  const covered = waiting.findIndex(({ treeSize }) => treeSize > size)
  for (const { since } of waiting.splice(0, covered === -1 ? waiting.length : covered)) {
    ledgerMetrics.sealSeconds.observe(secondsSince(since))
  }
}

/** So that the first answer of a kind counts as a rise: a series that begins with 1 does not. */
export function expectWitnesses(witnesses: readonly string[]): void {
  for (const witness of witnesses) {
    for (const code of ['200', '409', '422']) ledgerMetrics.witnessAnswers.inc({ witness, code }, 0)
  }
}

export function witnessAnswered(answer: { witness: string; code: string; seconds: number }): void {
  const { witness, code, seconds } = answer
  ledgerMetrics.witnessAnswers.inc({ witness, code })
  ledgerMetrics.witnessSeconds.observe({ witness }, seconds)
}

function secondsSince(time: number | undefined): number {
  return time === undefined ? 0 : (Date.now() - time) / 1000
}
