// Names every step after which something stays that the process cannot take back. The names are where a crash matters,
// so fault tests strike at each of them: they put another module in this one's place, and nothing here can be switched.

/** All durable steps. A test fails for a step in the code that is not in this list, and for one here that is not there. */
export const DURABLE_STEPS = [
  /** Any transaction that has no name of its own. */
  'transaction.commit',
  /** A command's events with its rows. */
  'append.commit',
  /** An access decision with its event. */
  'decision.commit',
  /** RecordRead, before the first byte. */
  'release.commit',
  /** A read model with its position. */
  'projection.commit',
  /** Numbers of committed events. */
  'relay.commit',
  /** Numbered events to the broker. */
  'relay.publish',
  /** Where a producer's events stand in the ledger. */
  'seals.commit',
  /** A block, its tiles, cursors and the head: one statement. */
  'block.append',
  /** What the world is told. */
  'checkpoint.publish',
  /** A new epoch. */
  'lease.take',
  /** The lease given back. */
  'lease.release',
  /** A new file of the signer or of a witness beside the old one, with its fsync. */
  'signer.write',
  /** The new file in the old one's place. */
  'signer.rename',
  /** The first file of its name. */
  'signer.link',
  /** The folder's names. */
  'signer.sync-folder',
] as const

export type DurableStep = (typeof DURABLE_STEPS)[number]

/** Does `work`, and nothing else. */
export function durableStep<T>(_step: DurableStep, work: () => Promise<T>): Promise<T> {
  return work()
}
