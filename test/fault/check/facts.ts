// What the ledger and the services hold after the faults, as plain values: the other side of every comparison.

/** An event that stands for one acknowledged write; `name` is `Type/id/_history/vid`, or `account/id`. */
export type WriteFact = {
  name: string
  type: string
  producer: string
  /** Null: it has no number yet. */
  seq: number | null
  /** Of the leaf that its number, tag and commitment make, in hex; empty without a number. */
  leafHash: string
}

export type Run = { producer: string; fromSeq: number; count: number }

export type BlockFact = {
  height: number
  /** Of the header, recomputed. */
  hash: string
  time: number
  firstIndex: number
  controls: number
  runs: Run[]
  treeSize: number
}

export type VersionFact = {
  location: string
  /** 1 for the first of its resource. */
  versionNo: number
  interaction: string
}

/** One `RecordRead`: who was shown which versions (locations) under which permit. */
export type ReadFact = {
  eventId: string
  actorId: string
  interaction: string
  patientId: string | null
  permitId: string | null
  versions: string[]
}

/** One `AccessPermitted` for reading. */
export type PermitFact = { permitId: string; actorId: string; patientId: string }

/** A witness: the checkpoint that it shows as its last, and how many proofs of a fork it shows. */
export type WitnessFact = { name: string; vkey: string; note: string | null; evidence: number }

/** Who has to co-sign, what each of them holds, and what is published. */
export type WitnessedFact = {
  logVkeys: readonly string[]
  quorum: number
  witnesses: readonly WitnessFact[]
  published: string
}

export type Facts = {
  writes: readonly WriteFact[]
  blocks: readonly BlockFact[]
  /** By index, in hex. */
  entryHashes: readonly string[]
  versions: readonly VersionFact[]
  /** What services remember of idempotency keys: the locations that each was answered with. */
  keys: ReadonlyMap<string, readonly string[]>
  reads: readonly ReadFact[]
  permits: readonly PermitFact[]
  /** Null where nobody has to co-sign. */
  witnessed: WitnessedFact | null
}
