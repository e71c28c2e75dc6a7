// What the platform team watches. Names are part of dashboards and alerts: a change here is a change there.
import { gauge, histogram } from '@careseal/observability'

const BLOCK_SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

export const ledgerMetrics = {
  height: gauge({ name: 'careseal_ledger_height', help: 'Height of the last committed block' }),
  treeSize: gauge({ name: 'careseal_ledger_tree_size', help: 'Entries committed' }),
  publishedSize: gauge({ name: 'careseal_ledger_published_size', help: 'Entries under the published checkpoint' }),
  unpublishedAge: gauge(
    {
      name: 'careseal_ledger_unpublished_age_seconds',
      help: 'Age of the oldest committed entry that no published checkpoint covers, 0 if there is none',
    },
    (metric) => metric.set(oldestAgeSeconds()),
  ),
  blockSeconds: histogram({ name: 'careseal_ledger_block_seconds', help: 'Time to commit a block' }),
  entriesPerBlock: histogram({ name: 'careseal_ledger_entries_per_block', help: 'Leaves in a block' }, BLOCK_SIZES),
  frozenProducers: gauge({
    name: 'careseal_ledger_frozen_producers',
    help: 'Producers whose own chain does not fit what was sealed',
  }),
  feedClients: gauge({ name: 'careseal_ledger_feed_clients', help: 'Clients that listen to /ledger/feed' }),
  rollback: gauge({ name: 'careseal_ledger_rollback_detected', help: '1 if the database is older than the signer' }),
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

export function headAt({ height, treeSize }: { height: number; treeSize: number }): void {
  ledgerMetrics.height.set(height)
  ledgerMetrics.treeSize.set(treeSize)
}

export function committed(block: { height: number; treeSize: number }): void {
  headAt(block)
  if (waiting.length < WAITING_MAX) waiting.push({ treeSize: block.treeSize, since: Date.now() })
}

export function checkpointPublished(size: number): void {
  ledgerMetrics.publishedSize.set(size)
  const covered = waiting.findIndex(({ treeSize }) => treeSize > size)
  waiting.splice(0, covered === -1 ? waiting.length : covered)
}

function oldestAgeSeconds(): number {
  const oldest = waiting[0]
  return oldest ? (Date.now() - oldest.since) / 1000 : 0
}
